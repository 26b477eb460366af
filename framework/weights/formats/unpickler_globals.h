#pragma once
#include <optional>

#include "framework/weights/formats/unpickler.h"

namespace flam::pickle {

/// The names a pickle may mention; nothing for every other one.
std::optional<std::variant<Global, StorageType>> find_global(std::string_view module, std::string_view name);

/// How a message names an opcode that is refused.
std::string opcode_name(unsigned char opcode);

}  // namespace flam::pickle
