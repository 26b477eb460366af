#pragma once
#include <ATen/core/Tensor.h>

#include <optional>

#include "framework/config/value.h"

namespace flam {

/// The `rope_scaling` of Llama 3.1 and later that gives these factors, by which the frequencies are divided
/// (`rope_freqs.weight` of a GGUF file: convert_hf_to_gguf.py writes the factors in place of the numbers that
/// they follow from). Nothing if there is none.
std::optional<Value> llama3_scaling(const at::Tensor& factors, double rope_theta);

}  // namespace flam
