#pragma once
// A run that several processes share.

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "framework/distributed/group.h"

namespace flam {

/// What the processes tell one another: what is run, where the results are, and how long it took.
class SharedRun {
 public:
  /// The key that has a value once the results are complete.
  static constexpr const char* kEnd = "end";

  SharedRun(Group& group, Group::Cancelled cancelled) : group_(group), cancelled_(std::move(cancelled)) {}
  ~SharedRun();
  SharedRun(const SharedRun&) = delete;
  SharedRun& operator=(const SharedRun&) = delete;

  Group& group() { return group_; }
  const Group::Cancelled& cancelled() const { return cancelled_; }
  bool is_first() const { return group_.is_first(); }

  /// In rank 0, says what is run; results are in `folder`, which exists.
  void begin(const nlohmann::ordered_json& run, const std::filesystem::path& folder);
  /// In other ranks, waits for begin(). Returns false if the results are complete already. Error: rank 0 runs
  /// something else, or its folder is not this one.
  bool join(const nlohmann::ordered_json& run, const std::filesystem::path& folder);
  /// Stores how long the stages took in this process.
  void set_milliseconds(const std::map<std::string, double>& milliseconds);
  /// Of all processes.
  std::map<std::string, double> milliseconds();
  /// In rank 0, says that the results are complete.
  void end();

 private:
  Group& group_;
  const Group::Cancelled cancelled_;
  std::filesystem::path mark_;  // a file with a name that only this run has; "" in other ranks
};

}  // namespace flam
