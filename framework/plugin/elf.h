#pragma once
#include <filesystem>

namespace flam {

/// Looks at a library's bytes before the dynamic linker does, which trusts them: a shared object for this
/// machine, with all that its headers name inside the file. Error: what is wrong, without the library's name.
void check_elf(const std::filesystem::path& library);

}  // namespace flam
