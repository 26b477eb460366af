#pragma once
// Listing folders.

#include <filesystem>
#include <system_error>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// The paths of what is in a folder, in no particular order; hidden files are among them. If it can't be read
/// (to the end), `failed` says why, and the paths found so far are returned. Unlike std::filesystem's
/// iterators, which are noexcept although they allocate, it throws std::bad_alloc without ending the program.
FLAM_API std::vector<std::filesystem::path> list_folder(const std::filesystem::path& folder,
                                                        std::error_code& failed);

}  // namespace flam
