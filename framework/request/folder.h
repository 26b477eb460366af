#pragma once
// Searches folders for pictures and videos. Links are followed. Files are first listed by path only, and each
// is opened later, when its turn comes. A million files take about 100 MB and no noticeable time.

#include <functional>
#include <string>
#include <system_error>
#include <vector>

#include "framework/base/export.h"
#include "framework/request/left_out.h"

namespace flam {

struct FolderEntry {
  std::string path;
  std::error_code problem;  // why the folder `path` can't be read; not set for a file
};

/// Lists all files in a folder, and with `recursive` also in its subfolders, sorted by the bytes of their
/// paths. A folder that can't be read becomes an entry with its `problem`, and the search continues. Pipes,
/// sockets, devices, link loops and subfolders that are not entered are counted in `left_out`. Ends early
/// when `stopped` (may be empty) returns true.
FLAM_API std::vector<FolderEntry> list_folder(const std::string& folder, bool recursive, LeftOut& left_out,
                                              const std::function<bool()>& stopped = {});

/// Whether a file in a folder should be read as a picture. That is the case if its first bytes are those of a
/// picture format (including unsupported ones such as HEIC), if it has the suffix of a picture, or if it
/// can't be opened. In the last two cases, reading the file later gives the error that the user should see.
FLAM_API bool is_meant_as_picture(const std::string& path);

}  // namespace flam
