#include "framework/commands/compare/compare.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/commands/compare/child.h"
#include "framework/commands/compare/compare_page.h"
#include "framework/commands/compare/compare_plan.h"
#include "framework/commands/compare/compare_report.h"
#include "framework/commands/compare/compare_unit.h"
#include "framework/device/one_thread.h"
#include "framework/device/threads.h"
#include "framework/report/json.h"

namespace flam {

namespace {

/// Ensures that only one process at a time works in a folder.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder) {
    std::error_code problem;
    std::filesystem::create_directories(folder / "work", problem);
    if (problem)
      throw Error(cat("cannot make the folder ", quoted(folder.native()), ": ", problem.message()));
    const std::filesystem::path file = folder / "lock";
    descriptor_ = open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor_ >= 0 && flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
    const int why = errno;
    if (descriptor_ >= 0) close(descriptor_);
    if (descriptor_ >= 0 && why == EWOULDBLOCK)
      throw Error(cat("another process is working in ", quoted(folder.native()),
                      "; wait until it has ended, or set another `output`"));
    throw Error(cat("cannot lock ", quoted(file.native()), ": ", std::strerror(why)));
  }
  ~FolderLock() { close(descriptor_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

/// Returns the number of threads of the runs in a folder, or 0 if it is unknown.
int threads_of_report(const std::filesystem::path& folder) {
  constexpr size_t kMostOfAReport = size_t{1} << 30;
  std::error_code ignored;
  if (!std::filesystem::exists(folder / "compare.json", ignored)) return 0;
  const std::string text = read_file(folder / "compare.json", kMostOfAReport);
  // The file may come from anybody, so only `bench` is parsed.
  const auto only_bench = [](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    if (depth > 64) throw Error("nested too deeply for a report");
    return depth != 1 || event != nlohmann::json::parse_event_t::key || parsed == "bench";
  };
  nlohmann::json report;
  try {
    report = nlohmann::json::parse(text, only_bench);
  } catch (const std::exception&) {
    return 0;  // a broken report is treated like a missing one
  }
  const auto threads = nlohmann::json::json_pointer("/bench/threads");
  const bool known = report.is_object() && report.contains(threads) && report[threads].is_number_integer();
  return known ? std::max(0, report[threads].get<int>()) : 0;
}

bool tried(const ComparePlan::Run& run) {
  return run.finished() || std::any_of(run.units.begin(), run.units.end(), [](const CompareUnit& unit) {
           return unit.result() || unit.failure();
         });
}

/// Without this check, an empty report could overwrite one of earlier runs whose keys have changed since.
void check_anything_to_report(const ComparePlan& plan, const std::string& folder) {
  for (const auto& variant : plan.variants) {
    if (std::any_of(variant.runs.begin(), variant.runs.end(), tried)) return;
  }
  throw Error(cat("nothing to report: ", quoted(folder),
                  " has no run of the current experiment: either it was never run, or the experiment, a "
                  "config, a plugin or Flamboyance has changed since. Run it without --report, or look at an "
                  "earlier compare.html in the folder, which is left unchanged"));
}

class Comparison {
 public:
  /// `threads`: of each run, at least 1; `recorded`: the number that the report states.
  Comparison(const Experiment& experiment, const ComparePlan& plan, const CompareOptions& options,
             int threads, int recorded)
      : experiment_(experiment), plan_(plan), options_(options), threads_(threads), recorded_(recorded) {}

  CompareResult run(nlohmann::ordered_json& report) {
    CompareResult out;
    for (const auto& variant : plan_.variants)
      if (!variant.error.empty()) say(cat(printable(variant.name), " can't be run: ", variant.error));
    total_ = 0;
    for (const auto& variant : plan_.variants) total_ += std::ssize(variant.runs);
    // The seeds are the outer loop, so that all variants have a result before the second seed begins.
    for (size_t seed = 0; seed < experiment_.seeds.size() && !out.cancelled; ++seed) {
      for (const auto& variant : plan_.variants) {
        if (variant.runs.empty()) continue;
        ++at_;
        if (!options_.only_report && !variant.runs[seed].finished())
          out.cancelled = !run_one(variant, variant.runs[seed]);
        if (out.cancelled) break;
      }
    }
    report = write_report();
    for (const auto& row : report["variants"]) out.failed += row["status"] == "failed";
    return out;
  }

 private:
  void say(const std::string& line) const {
    if (options_.say) options_.say(line);
  }

  /// Returns false if the run was cancelled.
  bool run_one(const ComparePlan::Variant& variant, const ComparePlan::Run& run) {
    const std::string label =
        cat("[", at_, "/", total_, "] ", printable(variant.name), ", seed ", run.seed, ": ");
    const auto work = [&] {
      for (const CompareUnit& unit : run.units) {
        if (unit.result()) continue;
        UnitOptions options{options_.plugin_path, threads_, run.seed, {}, options_.cancelled};
        options.progress = [&](int64_t done, int64_t total) {
          if (options_.progress) options_.progress(label + unit.name, done, total);
        };
        if (isatty(STDERR_FILENO) != 1) say(label + unit.name + " …");
        if (!run_unit(unit, experiment_, options)) return false;
        const auto* result = unit.result();
        if (!result) throw RunError("its result can't be read back");
        say(label + unit.name + summary_of(*result));
      }
      return true;
    };
    ChildEnd end = run_in_child(work, options_.cancelled);
    if (end.cancelled && options_.cancelled && options_.cancelled()) return false;
    if (end.cancelled) end.error = "its process was ended";  // by a SIGTERM from another process
    if (!end.error.empty()) {
      // Units run in order, so the first unfinished one has failed, even if a crash left no message.
      const CompareUnit* failed = run.first_unfinished();
      say(cat(label, failed ? failed->name + " " : "", "failed: ", end.error));
      if (failed) failed->keep_failure(end.error);
    }
    write_report();
    return true;
  }

  static std::string summary_of(const nlohmann::ordered_json& result) {
    std::string out = cat(", ", std::lround(result.value("seconds", 0.0)), " s");
    for (const auto& [key, what] : {std::pair("losses", ", loss "), std::pair("scores", ", ")}) {
      if (!result.contains(key)) continue;
      for (const auto& [name, value] : result[key].items())
        if (value.is_number()) out += cat(what, printable(name), " ", value.get<double>());
    }
    if (result.contains("latency_ms")) out += cat(", ", result["latency_ms"].get<double>(), " ms an answer");
    return out;
  }

  nlohmann::ordered_json write_report() const {
    auto report = compare_report(experiment_, plan_, recorded_);
    const std::filesystem::path folder = experiment_.output;
    write_file(folder / "compare.json", json_lines(report, 1));
    write_file(folder / "compare.csv", report_csv(report));
    write_file(folder / "compare.html", report_page(report));
    return report;
  }

  const Experiment& experiment_;
  const ComparePlan& plan_;
  const CompareOptions& options_;
  int threads_, recorded_;
  int64_t at_ = 0, total_ = 0;
};

}  // namespace

CompareResult compare(const Experiment& experiment, Registry& registry, const CompareOptions& options,
                      nlohmann::ordered_json& report) {
  // A report without new runs keeps the number of threads with which the times were measured.
  const int before = options.only_report ? threads_of_report(experiment.output) : 0;
  const int threads = thread_count(options.threads > 0 ? options.threads : before);
  const OneThread
      until_the_end;  // a thread pool does not survive fork(); a child that uses it would wait forever
  std::error_code ignored;
  if (options.only_report && !std::filesystem::is_directory(experiment.output, ignored))
    throw Error(cat("nothing to report: there is no folder ", quoted(experiment.output)));
  const FolderLock lock(experiment.output);
  for (const char* file :
       {"compare.json", "compare.csv", "compare.html"})  // fail before the work, not after it
    const AtomicFile can_be_written(std::filesystem::path(experiment.output) / file);
  const ComparePlan plan = plan_experiment(experiment, registry, threads);
  if (options.only_report) check_anything_to_report(plan, experiment.output);
  return Comparison(experiment, plan, options, threads, before > 0 ? before : threads).run(report);
}

PlanSummary plan_summary(const Experiment& experiment, Registry& registry, int threads) {
  PlanSummary summary;
  std::string& out = summary.text;
  for (const auto& variant : plan_experiment(experiment, registry, thread_count(threads)).variants) {
    out += printable(variant.name) + "\n";
    if (!variant.error.empty()) {
      out += "  can't be run: " + variant.error + "\n";
      ++summary.impossible;
    }
    for (const std::string& difference : variant.differences) {
      std::istringstream lines(difference);
      for (std::string line; std::getline(lines, line);) out += "  " + line + "\n";
    }
    for (const auto& run : variant.runs) {
      out += cat("  seed ", run.seed, ":");
      for (const CompareUnit& unit : run.units)
        out += cat(" ", unit.name, unit.result() ? " (done)" : unit.failure() ? " (failed)" : "", ";");
      out += "\n";
    }
  }
  return summary;
}

}  // namespace flam
