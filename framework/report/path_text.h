#pragma once
// Converts paths to text and back. JSON is UTF-8, but a path on Linux may be any bytes.

#include <filesystem>
#include <string>
#include <string_view>

#include "framework/base/export.h"

namespace flam {

/// Whether the bytes are well-formed UTF-8.
FLAM_API bool is_utf8(std::string_view bytes);

/// The path as UTF-8 text that path_of_text() converts back: the path itself if it is UTF-8, otherwise an
/// absolute file URI (RFC 8089) with percent-encoding, such as "file:///tmp/caf%E9.jpg".
FLAM_API std::string path_text(const std::filesystem::path& path);

/// A relative link from a page in `folder` to a file, percent-encoded; "" is the current folder.
FLAM_API std::string relative_link(const std::filesystem::path& file, const std::filesystem::path& folder);

/// The path that a text stands for. The text is the result of path_text(), or any other path. Error: a file
/// URI names a host, has invalid percent-encoding, or encodes a NUL byte.
FLAM_API std::filesystem::path path_of_text(const std::string& text);

}  // namespace flam
