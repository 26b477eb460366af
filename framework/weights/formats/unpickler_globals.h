#pragma once
#include <optional>

#include "framework/weights/formats/unpickler.h"

namespace flam::pickle {

/// Looks up a name that a pickle may use. Returns nothing for every other name.
std::optional<std::variant<Global, StorageType>> find_global(std::string_view module, std::string_view name);

/// The name of a refused opcode for messages.
std::string opcode_name(unsigned char opcode);

}  // namespace flam::pickle
