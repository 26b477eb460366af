#pragma once
// Paths as text. JSON is UTF-8, but a path on Linux is bytes of any kind.

#include <filesystem>
#include <string>
#include <string_view>

#include "framework/base/export.h"

namespace flam {

/// Whether the bytes are well-formed UTF-8.
FLAM_API bool is_utf8(std::string_view bytes);

/// The path as UTF-8 text from which path_of_text() finds the file again: the path itself if it is UTF-8,
/// otherwise an absolute file URI (RFC 8089) with the other bytes percent-encoded, "file:///tmp/caf%E9.jpg".
FLAM_API std::string path_text(const std::filesystem::path& path);

/// The path that a text stands for: what path_text() wrote, or any other path. Error: a file URI that names a
/// host, or whose percent-encoding is broken or encodes a NUL byte.
FLAM_API std::filesystem::path path_of_text(const std::string& text);

}  // namespace flam
