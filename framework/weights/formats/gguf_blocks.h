#pragma once
// The types of tensors in a GGUF file. A quantised tensor consists of blocks, each with a scale or several.

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string>

#include "framework/weights/formats/formats.h"

namespace flam {

struct GgufTensorType {
  uint32_t id;
  at::ScalarType dtype;  // of the tensor that is made of it
  BlockFormat blocks;    // `decode` is null if the elements are stored as they are
};

/// The type of this number; null if it is not supported.
const GgufTensorType* gguf_tensor_type(uint32_t id);

/// "Q2_K", or "number 99" for one that llama.cpp does not have either.
std::string gguf_tensor_type_name(uint32_t id);

/// The names of all types that are supported, separated by commas.
std::string supported_gguf_tensor_types();

}  // namespace flam
