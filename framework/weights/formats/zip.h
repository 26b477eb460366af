#pragma once
// Reads the directory of a zip file, including zip64.

#include <map>
#include <string>
#include <string_view>

#include "framework/base/file.h"

namespace flam {

struct ZipEntry {
  std::string_view bytes;   // inside the mapping
  bool compressed = false;  // whether `bytes` are compressed
};
using ZipEntries = std::map<std::string, ZipEntry>;

/// Error: a damaged or truncated directory, encrypted, duplicate or overlapping entries, names that could
/// lead out of a folder, or several volumes.
ZipEntries read_zip(const MappedFile& file);

}  // namespace flam
