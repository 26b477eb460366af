#include "framework/weights/quantized_matrix.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>

#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/device/huge_pages.h"

namespace flam {

namespace {

constexpr int64_t kPartNumbers = int64_t{1} << 22;  // that are float32 at the same time
constexpr int64_t kGrain = 1 << 15;                 // numbers for a thread

float largest(const float* x, int64_t count) {
  float most = 0;
  bool finite = true;
  for (int64_t i = 0; i < count; ++i) {
    const float size = std::fabs(x[i]);
    finite &= size <= std::numeric_limits<float>::max();
    most = std::max(most, size);
  }
  return finite ? most : std::numeric_limits<float>::infinity();
}

/// Returns false if a number is not finite.
bool round_row(const float* x, int64_t count, int8_t* values, float& scale) {
  const float most = largest(x, count);
  scale = most / 127;
  const float inverse = scale > 0 ? 1 / scale : 0;
  if (!std::isfinite(most) || !std::isfinite(inverse)) {
    std::fill(values, values + count, int8_t{0});
    scale = 0;
    return std::isfinite(most);
  }
  for (int64_t i = 0; i < count; ++i) {
    const float shifted = std::clamp(x[i] * inverse + 128.5F, 1.0F, 255.5F);
    values[i] = static_cast<int8_t>(static_cast<int32_t>(shifted) - 128);
  }
  return true;
}

void round_group(const float* x, int64_t count, float scale, uint8_t* levels) {
  const float inverse = 1 / scale;
  for (int64_t i = 0; i < count; ++i)
    levels[i] = static_cast<uint8_t>(static_cast<int32_t>(std::clamp(x[i] * inverse + 8.5F, 0.0F, 15.5F)));
}

/// The scale that fits the levels best, in the sense of least squares.
float fitted_scale(const float* x, int64_t count, const uint8_t* levels) {
  float product = 0, square = 0;
  for (int64_t i = 0; i < count; ++i) {
    const float level = static_cast<float>(levels[i]) - 8;
    product += x[i] * level;
    square += level * level;
  }
  return square > 0 ? product / square : 0;
}

float squared_error(const float* x, int64_t count, float scale, const uint8_t* levels) {
  float sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    const float error = x[i] - scale * (static_cast<float>(levels[i]) - 8);
    sum += error * error;
  }
  return sum;
}

/// Numbers x [count] → levels 0 … 15 and a scale. Returns false if a number is not finite or too large.
bool round_group(const float* x, int64_t count, uint8_t* best, at::BFloat16& best_scale) {
  // What the number of the largest size becomes. The levels have one more on the negative side.
  constexpr std::array<float, 5> kExtremes{-8, -7.5, -7, -8.5, 7};
  const float* const most =
      std::max_element(x, x + count, [](float a, float b) { return std::fabs(a) < std::fabs(b); });
  std::fill(best, best + count, uint8_t{8});
  best_scale = 0;
  float least = std::numeric_limits<float>::infinity();
  if (const float size = largest(x, count); size < std::numeric_limits<float>::min() || !std::isfinite(size))
    return std::isfinite(size);
  std::vector<uint8_t> levels(static_cast<size_t>(count));
  for (const float extreme : kExtremes) {
    const auto usable = [](float scale) {
      return std::isfinite(scale) && std::fabs(scale) >= std::numeric_limits<float>::min();
    };
    const float guess = *most / extreme;
    if (!usable(guess)) continue;
    round_group(x, count, guess, levels.data());
    const at::BFloat16 scale(fitted_scale(x, count, levels.data()));
    if (!usable(scale)) continue;
    round_group(x, count, scale, levels.data());
    const float error = squared_error(x, count, scale, levels.data());
    if (!(error < least)) continue;
    least = error;
    best_scale = scale;
    std::ranges::copy(levels, best);
  }
  return std::isfinite(least) || best_scale == 0;
}

bool round_row(const float* x, int64_t columns, int64_t group_size, uint8_t* values, at::BFloat16* scales) {
  bool finite = true;
  std::vector<uint8_t> levels(static_cast<size_t>(group_size));
  for (int64_t first = 0; first < columns; first += group_size) {
    finite &= round_group(x + first, group_size, levels.data(), scales[first / group_size]);
    for (int64_t i = 0; i < group_size; i += 2)
      values[(first + i) / 2] = static_cast<uint8_t>(levels[i] | levels[i + 1] << 4);
  }
  return finite;
}

}  // namespace

int64_t QuantizedMatrix::columns() const {
  return scheme.type == QuantScheme::Type::int8 ? values.size(1) : 2 * values.size(1);
}

QuantizedMatrix QuantizedMatrix::narrow(int64_t first, int64_t count) const {
  return {scheme, values.narrow(0, first, count), scales.narrow(0, first, count)};
}

QuantizedMatrix QuantizedMatrix::to(at::Device device) const {
  return {scheme, values.to(device), scales.to(device)};
}

bool can_quantize(const QuantScheme& scheme, int64_t columns) {
  return columns > 0 && (scheme.type == QuantScheme::Type::int8 || columns % scheme.group_size == 0);
}

int64_t quantized_bytes(const QuantScheme& scheme, int64_t rows, int64_t columns) {
  if (scheme.type == QuantScheme::Type::int8) return rows * (columns + 4);
  return rows * (columns / 2 + columns / scheme.group_size * 2);
}

QuantizedMatrix quantize(const at::Tensor& matrix, const QuantScheme& scheme, const std::string& name) {
  const int64_t rows = matrix.size(0), columns = matrix.size(1);
  const bool int8 = scheme.type == QuantScheme::Type::int8;
  QuantizedMatrix out{
      scheme,
      int8 ? empty_in_huge_pages({rows, columns}, at::kChar)
           : empty_in_huge_pages({rows, columns / 2}, at::kByte),
      int8 ? at::empty({rows}, at::kFloat) : at::empty({rows, columns / scheme.group_size}, at::kBFloat16)};
  const int64_t part = std::max<int64_t>(kPartNumbers / columns, 1);
  std::atomic<bool> finite = true;
  for (int64_t begin = 0; begin < rows; begin += part) {
    const int64_t count = std::min(part, rows - begin);
    const at::Tensor numbers = matrix.narrow(0, begin, count).to(at::kFloat).contiguous();
    const auto* const x = numbers.const_data_ptr<float>();
    at::parallel_for(0, count, std::max<int64_t>(kGrain / columns, 1), [&](int64_t first, int64_t last) {
      for (int64_t r = first; r < last; ++r) {
        const int64_t row = begin + r;
        const bool good =
            int8 ? round_row(x + r * columns, columns, out.values.mutable_data_ptr<int8_t>() + row * columns,
                             out.scales.mutable_data_ptr<float>()[row])
                 : round_row(
                       x + r * columns, columns, scheme.group_size,
                       out.values.mutable_data_ptr<uint8_t>() + row * columns / 2,
                       out.scales.mutable_data_ptr<at::BFloat16>() + row * (columns / scheme.group_size));
        if (!good) finite = false;
      }
    });
  }
  if (!finite) {
    throw RunError(
        cat("the tensor ", quoted(name),
            " has numbers that are not finite or too large, so it can't be quantised; leave it out "
            "with a rule of the type none in weights.quantize (docs/quantization.md)"));
  }
  return out;
}

at::Tensor dequantize(const QuantizedMatrix& matrix, at::ScalarType dtype) {
  if (matrix.scheme.type == QuantScheme::Type::int8)
    return (matrix.values.to(at::kFloat) * matrix.scales.unsqueeze(1)).to(dtype);
  const at::Tensor pairs = at::stack({matrix.values.bitwise_and(15), matrix.values.div(16, "floor")}, -1);
  const at::Tensor levels =
      pairs.to(at::kFloat).sub_(8).view({matrix.rows(), matrix.scales.size(1), matrix.scheme.group_size});
  return (levels * matrix.scales.to(at::kFloat).unsqueeze(-1)).flatten(1).to(dtype);
}

}  // namespace flam
