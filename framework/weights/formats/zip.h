#pragma once
// The table of a zip file, zip64 included.

#include <map>
#include <string>
#include <string_view>

#include "framework/base/file.h"

namespace flam {

struct ZipEntry {
  std::string_view bytes;   // inside the mapping
  bool compressed = false;  // as they lie there
};
using ZipEntries = std::map<std::string, ZipEntry>;

/// Refused with an Error: a damaged or truncated table, encrypted, duplicate or overlapping entries, names
/// that could leave a folder, archives in several volumes.
ZipEntries read_zip(const MappedFile& file);

}  // namespace flam
