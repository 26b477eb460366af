#include "framework/commands/compare/compare_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/commands/compare/compare_page.h"
#include "framework/commands/compare/compare_report.h"
#include "framework/report/json.h"

namespace flam {

namespace fs = std::filesystem;

namespace {

constexpr const char* kReports[] = {"compare.json", "compare.csv", "compare.html"};

/// Returns {"experiment", "bench"} of compare.json, or null if there is none or if it is not a report. The
/// file may come from anybody, so nothing else of it is kept.
nlohmann::json stored_report(const fs::path& folder) {
  constexpr size_t kMostOfAReport = size_t{1} << 30;
  std::error_code ignored;
  if (!fs::exists(folder / kReports[0], ignored)) return nullptr;
  const std::string text = read_file(folder / kReports[0], kMostOfAReport);
  const auto only_these = [](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    if (depth > 64) throw Error("nested too deeply for a report");
    return depth != 1 || event != nlohmann::json::parse_event_t::key || parsed == "experiment" ||
           parsed == "bench";
  };
  try {
    nlohmann::json report = nlohmann::json::parse(text, only_these);
    return report.is_object() && report.contains("experiment") ? report : nlohmann::json();
  } catch (const std::exception&) {
    return nullptr;
  }
}

/// Error: a report would replace a file that is none. The page and the table are reports if compare.json,
/// which is written first, is beside them.
void keep_other_files(const fs::path& folder) {
  if (!stored_report(folder).is_null()) return;
  for (const char* name : kReports) {
    const fs::path file = folder / name;
    std::error_code ignored;
    if (!fs::is_regular_file(file, ignored) || fs::file_size(file, ignored) == 0) continue;
    const char* const why = fs::exists(folder / kReports[0], ignored) ? "not a report" : "missing";
    throw Error(cat("the report would replace ", quoted(file.native()),
                    ", which `flam compare` has not written: ", "the folder's compare.json is ", why,
                    "; move the file away, or set another `output`"));
  }
}

/// Returns a descriptor that holds the folder's lock.
int locked(const fs::path& folder) {
  keep_other_files(folder);
  std::error_code problem;
  fs::create_directories(folder / "work", problem);
  if (problem) throw Error(cat("cannot make the folder ", quoted(folder.native()), ": ", problem.message()));
  const fs::path file = folder / "lock";
  const int lock = open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
  const int why = errno;
  if (lock >= 0) close(lock);
  if (lock >= 0 && why == EWOULDBLOCK)
    throw Error(cat("another process is working in ", quoted(folder.native()),
                    "; wait until it has ended, or set another `output`"));
  throw Error(cat("cannot lock ", quoted(file.native()), ": ", std::strerror(why)));
}

bool begun(const ComparePlan::Run& run) {
  return run.finished() || std::any_of(run.units.begin(), run.units.end(), [](const CompareUnit& unit) {
           return unit.result() || unit.failure() || unit.begun();
         });
}

}  // namespace

ReportFolder::ReportFolder(const fs::path& folder) : ReportFolder(folder, locked(folder)) {
  for (const char* name : kReports)  // fail before the work, not after it
    const AtomicFile can_be_written(folder / name);
}

ReportFolder::ReportFolder(fs::path folder, int lock) : folder_(std::move(folder)), lock_(lock) {}

ReportFolder::~ReportFolder() {
  close(lock_);
}

void ReportFolder::write(const nlohmann::ordered_json& report) const {
  const std::string texts[] = {json_lines(report, 1), report_csv(report), report_page(report)};
  for (size_t i = 0; i < std::size(kReports); ++i) write_file(folder_ / kReports[i], texts[i]);
}

int threads_of_report(const fs::path& folder) {
  const nlohmann::json report = stored_report(folder);
  const auto threads = nlohmann::json::json_pointer("/bench/threads");
  const bool known = report.contains(threads) && report[threads].is_number_integer();
  return known ? std::max(0, report[threads].get<int>()) : 0;
}

void check_anything_to_report(const ComparePlan& plan, const std::string& folder) {
  for (const auto& variant : plan.variants) {
    if (std::any_of(variant.runs.begin(), variant.runs.end(), begun)) return;
  }
  throw Error(cat("nothing to report: ", quoted(folder),
                  " has no run of the current experiment: either it was never run, or the experiment, a "
                  "config, a plugin or Flamboyance has changed since. Run it without --report, or look at an "
                  "earlier compare.html in the folder, which is left unchanged"));
}

}  // namespace flam
