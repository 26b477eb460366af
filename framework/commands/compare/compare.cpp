#include "framework/commands/compare/compare.h"

#include <unistd.h>

#include <chrono>
#include <cmath>
#include <optional>
#include <sstream>

#include "framework/base/text.h"
#include "framework/commands/compare/child.h"
#include "framework/commands/compare/compare_folder.h"
#include "framework/commands/compare/compare_plan.h"
#include "framework/commands/compare/compare_report.h"
#include "framework/commands/compare/compare_unit.h"
#include "framework/device/one_thread.h"
#include "framework/device/threads.h"

namespace flam {

namespace {

/// How far a run is: the unit that it does, and the state of its learning curve, which is not read.
struct Progress {
  explicit Progress(const ComparePlan::Run& run) : unit(run.first_unfinished()) {
    std::error_code missing;
    if (unit) curve = std::filesystem::last_write_time(unit->file(".curve"), missing);
  }
  bool operator==(const Progress&) const = default;

  const CompareUnit* unit;
  std::filesystem::file_time_type curve;
};

class Comparison {
 public:
  /// `threads`: of each run, at least 1; `recorded`: the number that the report states.
  Comparison(const Experiment& experiment, const ComparePlan& plan, const ReportFolder& folder,
             const CompareOptions& options, int threads, int recorded)
      : experiment_(experiment),
        plan_(plan),
        folder_(folder),
        options_(options),
        threads_(threads),
        recorded_(recorded) {}

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
    report = compare_report(experiment_, plan_, recorded_);
    folder_.write(report);
    for (const auto& row : report["variants"]) out.failed += row["status"] == "failed";
    return out;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kTimeBetweenReports{5};

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
    for (const CompareUnit& unit : run.units) unit.forget_abandoned_curve();
    report_progress(run);
    ChildEnd end = run_in_child(work, options_.cancelled, [&] {
      try {
        if (Clock::now() >= next_report_) report_progress(run);
      } catch (const std::exception&) {
        // The report after the run fails for the same reason, and then no child is left behind.
      }
    });
    if (end.cancelled && options_.cancelled && options_.cancelled()) return false;
    if (end.cancelled) end.error = "its process was ended";  // by a SIGTERM from another process
    if (!end.error.empty()) {
      // Units run in order, so the first unfinished one has failed, even if a crash left no message.
      const CompareUnit* failed = run.first_unfinished();
      say(cat(label, failed ? failed->name + " " : "", "failed: ", end.error));
      if (failed) failed->keep_failure(end.error);
    }
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

  /// Writes the report of an experiment that goes on, if there is anything new in it.
  void report_progress(const ComparePlan::Run& run) {
    next_report_ = Clock::now() + kTimeBetweenReports;
    const Progress progress(run);
    const bool is_timed = progress.unit && progress.unit->kind == CompareUnit::Kind::bench;
    if (progress == reported_ || is_timed) return;  // writing would disturb what is timed
    folder_.write(compare_report(experiment_, plan_, recorded_, &run));
    reported_ = progress;
  }

  const Experiment& experiment_;
  const ComparePlan& plan_;
  const ReportFolder& folder_;
  const CompareOptions& options_;
  int threads_, recorded_;
  std::optional<Progress> reported_;
  Clock::time_point next_report_;
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
  const ReportFolder folder(experiment.output);
  const ComparePlan plan = plan_experiment(experiment, registry, threads);
  if (options.only_report) check_anything_to_report(plan, experiment.output);
  return Comparison(experiment, plan, folder, options, threads, before > 0 ? before : threads).run(report);
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
