#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// Looks at a library's bytes before the dynamic linker does, which trusts them: a shared object for this
/// machine, with all that its headers name inside the file. Error: what is wrong, without the library's name.
FLAM_API void check_elf(const std::filesystem::path& library);

/// The names that other libraries can be bound to: those of its dynamic symbol table that it defines, without
/// the linker's own (_init, _edata, …). Checks as check_elf() does, first.
FLAM_API std::vector<std::string> exported_symbols(const std::filesystem::path& library);

}  // namespace flam
