#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "framework/base/export.h"

namespace flam {

/// Counts what was skipped while folders were searched for pictures.
class FLAM_API LeftOut {
 public:
  void add_file(const std::string& path);  // a file that is not a picture
  void add_special_file() { ++special_; }  // a pipe, a socket or a device
  void add_subfolder() { ++subfolders_; }  // not entered without --recursive
  void add_hidden() { ++hidden_; }         // a file or folder whose name begins with a dot
  void add_loop() { ++loops_; }            // a folder that was entered before, through a link
  bool empty() const { return summary().empty(); }

  /// "left out 12 files that are not pictures: 9 .json, 3 .txt; 2 subfolders (--recursive enters them)"; ""
  /// if nothing was left out.
  std::string summary() const;

 private:
  std::map<std::string, int64_t> files_;  // by suffix in lower case
  int64_t special_ = 0, hidden_ = 0, subfolders_ = 0, loops_ = 0;
};

}  // namespace flam
