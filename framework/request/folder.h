#pragma once
// Folders searched for pictures. Links are followed. Files are listed first, by their paths alone, and judged
// one by one when their turn comes: a million files take some 100 MB and no wait.

#include <functional>
#include <string>
#include <system_error>
#include <vector>

#include "framework/base/export.h"
#include "framework/request/left_out.h"

namespace flam {

struct FolderEntry {
  std::string path;
  std::error_code problem;  // why the folder `path` can't be read; of a file there is none
};

/// All files in a folder, with `recursive` also those of its subfolders, in the order of their paths' bytes.
/// A folder that can't be read is an entry of its own, and the walk goes on behind it. What can't be a
/// picture and needs no look inside is counted in `left_out`. Ends early when `stopped` (may be empty)
/// returns true.
FLAM_API std::vector<FolderEntry> list_folder(const std::string& folder, bool recursive, LeftOut& left_out,
                                              const std::function<bool()>& stopped = {});

/// Whether a file in a folder is to be read as a picture: its first bytes are those of one, be it in a format
/// that is then refused (HEIC), or its name says so, or it can't be opened. For the last two, reading it
/// gives the error that the user should see.
FLAM_API bool is_meant_as_picture(const std::string& path);

}  // namespace flam
