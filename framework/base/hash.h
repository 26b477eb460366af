#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "framework/base/export.h"

namespace flam {

/// SHA-256 as 64 lower-case hexadecimal digits.
FLAM_API std::string sha256(std::string_view bytes);
FLAM_API std::string base64(std::string_view bytes);
FLAM_API std::string sha256_file(const std::filesystem::path& path);

}  // namespace flam
