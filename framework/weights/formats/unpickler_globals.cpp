#include "framework/weights/formats/unpickler_globals.h"

#include <cstdio>

namespace flam::pickle {

namespace {
struct Known {
  std::string_view module, name;
  std::variant<Global, StorageType> value;
};

constexpr Known kKnown[] = {
    {"collections", "OrderedDict", Global::ordered_dict},
    {"torch._utils", "_rebuild_tensor", Global::rebuild_tensor},  // torch before 0.4
    {"torch._utils", "_rebuild_tensor_v2", Global::rebuild_tensor_v2},
    {"torch._utils", "_rebuild_parameter", Global::rebuild_parameter},
    {"torch.nn.parameter", "Parameter", Global::parameter},  // torch before 0.4
    {"torch", "DoubleStorage", StorageType{at::kDouble}},
    {"torch", "FloatStorage", StorageType{at::kFloat}},
    {"torch", "HalfStorage", StorageType{at::kHalf}},
    {"torch", "BFloat16Storage", StorageType{at::kBFloat16}},
    {"torch", "LongStorage", StorageType{at::kLong}},
    {"torch", "IntStorage", StorageType{at::kInt}},
    {"torch", "ShortStorage", StorageType{at::kShort}},
    {"torch", "CharStorage", StorageType{at::kChar}},
    {"torch", "ByteStorage", StorageType{at::kByte}},
    {"torch", "BoolStorage", StorageType{at::kBool}},
};

constexpr std::pair<unsigned char, std::string_view> kRefused[] = {
    {'i', "INST"},      {'o', "OBJ"},        {0x92, "NEWOBJ_EX"},  {0x82, "EXT1"},  {0x83, "EXT2"},
    {0x84, "EXT4"},     {'P', "PERSID"},     {0x80, "PROTO"},      {0x8b, "LONG4"}, {0x8f, "EMPTY_SET"},
    {0x90, "ADDITEMS"}, {0x91, "FROZENSET"}, {0x96, "BYTEARRAY8"},
};
}  // namespace

std::optional<std::variant<Global, StorageType>> find_global(std::string_view module, std::string_view name) {
  for (const Known& known : kKnown) {
    if (known.module == module && known.name == name) return known.value;
  }
  return std::nullopt;
}

std::string opcode_name(unsigned char opcode) {
  for (const auto& [code, name] : kRefused) {
    if (code == opcode) return std::string(name);
  }
  char text[8];
  (void)std::snprintf(text, sizeof text, "0x%02x", opcode);
  return text;
}

}  // namespace flam::pickle
