#pragma once
#include <filesystem>
#include <string_view>

namespace flam {

/// Whether a file has the suffix of a picture: .jpg, .png, .webp, …, in upper or lower case.
bool is_picture(const std::filesystem::path& path);

/// Whether a name is before another one if numbers in them are compared by value: "frame2" is before
/// "frame10".
bool is_before(std::string_view a, std::string_view b);

}  // namespace flam
