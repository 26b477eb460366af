#pragma once
#include <filesystem>
#include <string>

#include "framework/config/value.h"

namespace flam {

/// The maximum size of a JSON file; the tokenizer.json of a large vocabulary has a quarter of it.
inline constexpr size_t kMaxJsonBytes = size_t{64} << 20;

/// Parses one JSON document (RFC 8259); its values and keys know their places. Whole numbers beyond 64 bits
/// become floats. Error with file:line:column: it is not JSON, not UTF-8, nested more than 32 levels deep, or
/// an object has a key twice.
FLAM_API Value parse_json(std::string_view text, const std::string& file_name);

/// Reads and parses a JSON file. Error: as above, or as in read_file().
FLAM_API Value read_json(const std::filesystem::path& file, size_t limit = kMaxJsonBytes);

}  // namespace flam
