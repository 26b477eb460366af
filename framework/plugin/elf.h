#pragma once
#include <filesystem>

#include "framework/base/export.h"

namespace flam {

/// Looks at a library's bytes before the dynamic linker does, which trusts them: a shared object for this
/// machine, with all that its headers name inside the file. Error: what is wrong, without the library's name.
FLAM_API void check_elf(const std::filesystem::path& library);

}  // namespace flam
