#include "framework/recipe/import/gguf_rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace flam {

std::optional<Value> llama3_scaling(const at::Tensor& factors, double rope_theta) {
  constexpr double kLow = 1, kHigh = 4, kContext = 8192, kTolerance = 1e-4;  // of every published model
  if (factors.dim() != 1 || factors.scalar_type() != at::kFloat || factors.numel() == 0) return std::nullopt;
  const float* given = factors.const_data_ptr<float>();
  const int64_t count = factors.numel();
  const double factor = std::round(*std::max_element(given, given + count));
  if (!(factor > 1)) return std::nullopt;
  for (int64_t i = 0; i < count; ++i) {
    const double exponent = static_cast<double>(i) / static_cast<double>(count);
    const double turns = kContext / (2 * std::numbers::pi * std::pow(rope_theta, exponent));
    const double kept = std::clamp((turns - kLow) / (kHigh - kLow), 0.0, 1.0);
    const double expected = 1 / ((1 - kept) / factor + kept);
    if (!(std::abs(given[i] - expected) <= kTolerance * expected)) return std::nullopt;
  }
  Value scaling = Value::map();
  scaling.set("rope_type", "llama3");
  scaling.set("factor", factor);
  scaling.set("low_freq_factor", kLow);
  scaling.set("high_freq_factor", kHigh);
  scaling.set("original_max_position_embeddings", static_cast<int64_t>(kContext));
  return scaling;
}

}  // namespace flam
