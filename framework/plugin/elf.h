#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// Checks a library before it is passed to the dynamic linker, which does not check it: it must be a shared
/// object for this machine, and everything that its headers refer to must lie inside the file. Error: says
/// what is wrong, without the library's name.
FLAM_API void check_elf(const std::filesystem::path& library);

/// Returns the exported names: those that its dynamic symbol table defines, without the linker's own (_init,
/// _edata, …). It calls check_elf() first.
FLAM_API std::vector<std::string> exported_symbols(const std::filesystem::path& library);

}  // namespace flam
