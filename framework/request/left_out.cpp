#include "framework/request/left_out.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "framework/base/text.h"

namespace flam {

namespace {

constexpr size_t kMostSuffixes = 5;  // at most this many suffixes in a summary

std::string counted(int64_t count, const char* one, const char* many) {
  return cat(count, " ", count == 1 ? one : many);
}

}  // namespace

void LeftOut::add_file(const std::string& path) {
  std::string suffix = std::filesystem::path(path).extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  ++files_[suffix];
}

std::string LeftOut::summary() const {
  std::vector<std::string> parts;
  if (!files_.empty()) {
    std::vector<std::pair<int64_t, std::string>> suffixes;
    int64_t files = 0, others = 0;
    for (const auto& [suffix, count] : files_) {
      suffixes.emplace_back(-count, suffix);  // the most frequent first
      files += count;
    }
    std::sort(suffixes.begin(), suffixes.end());
    std::vector<std::string> names;
    for (const auto& [count, suffix] : suffixes) {
      if (names.size() == kMostSuffixes) {
        others -= count;
      } else {
        names.push_back(cat(-count, " ", suffix.empty() ? "without a suffix" : printable(suffix, 32)));
      }
    }
    if (others > 0) names.push_back(cat(others, " with other suffixes"));
    parts.push_back(cat(counted(files, "file that is not a picture", "files that are not pictures"), ": ",
                        join(names, ", ")));
  }
  if (special_ > 0) parts.push_back(counted(special_, "pipe, socket or device", "pipes, sockets or devices"));
  if (hidden_ > 0) parts.push_back(counted(hidden_, "hidden file or folder", "hidden files or folders"));
  if (subfolders_ > 0) {
    parts.push_back(
        counted(subfolders_, "subfolder (--recursive enters it)", "subfolders (--recursive enters them)"));
  }
  if (loops_ > 0)
    parts.push_back(counted(loops_, "link to a folder that was entered before",
                            "links to folders that were entered before"));
  return parts.empty() ? "" : "left out " + join(parts, "; ");
}

}  // namespace flam
