#pragma once
// The output folder of an experiment: one process at a time works in it, and its reports replace no other
// files.

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "framework/commands/compare/compare_plan.h"

namespace flam {

/// Holds the folder, which is made if there is none, for this process. Error: a report can't be written there
/// or would replace a file that `flam compare` has not written, or another process holds the folder.
class ReportFolder {
 public:
  explicit ReportFolder(const std::filesystem::path& folder);
  ~ReportFolder();
  ReportFolder(const ReportFolder&) = delete;
  ReportFolder& operator=(const ReportFolder&) = delete;

  /// Writes compare.json, compare.csv and compare.html.
  void write(const nlohmann::ordered_json& report) const;

 private:
  ReportFolder(std::filesystem::path folder, int lock);

  std::filesystem::path folder_;
  int lock_;  // a descriptor
};

/// Returns the number of threads of the runs in a folder, or 0 if it is unknown.
int threads_of_report(const std::filesystem::path& folder);

/// Error: no run of the plan has been begun. Without this check, an empty report could overwrite one of
/// earlier runs whose keys have changed since.
void check_anything_to_report(const ComparePlan& plan, const std::string& folder);

}  // namespace flam
