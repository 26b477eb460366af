#pragma once
// The table of a zip file whose entries are stored, not compressed, as torch.save writes them (zip64
// included).

#include <map>
#include <string>
#include <string_view>

#include "framework/base/file.h"

namespace flam {

/// Name → bytes inside the mapping. Refused with an Error: a damaged or truncated table, compressed,
/// encrypted, duplicate or overlapping entries, names that could leave a folder, archives in several volumes.
std::map<std::string, std::string_view> read_zip(const MappedFile& file);

}  // namespace flam
