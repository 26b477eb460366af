#include "framework/media/resize.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <vector>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {
namespace {

constexpr int64_t kMaxPixels = 100'000'000;
constexpr int kPrecisionBits = 32 - 8 - 2;  // Pillow's: 8 bits of a pixel, 2 spare for negative lobes

struct Filter {
  double support;
  double (*weight)(double);
};

double bilinear(double x) {
  x = std::abs(x);
  return x < 1 ? 1 - x : 0;
}

double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

double sinc(double x) {
  if (x == 0) return 1;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos(double x) {
  return -3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

Filter filter_of(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::lanczos:
      return {3, lanczos};
    case Interpolation::bicubic:
      return {2, bicubic};
    default:
      return {1, bilinear};
  }
}

/// The window of input positions, with fixed-point weights, for each output position.
struct Windows {
  struct Window {
    int64_t first, count;
  };
  std::vector<Window> at;
  std::vector<int32_t> weights;  // [output, stride]
  int64_t stride = 0;
  const int32_t* of(int64_t position) const { return weights.data() + position * stride; }
};

Windows make_windows(int64_t in, int64_t out, const Filter& filter) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double filter_scale = std::max(scale, 1.0);
  const double support = filter.support * filter_scale;
  Windows windows;
  windows.stride = static_cast<int64_t>(std::ceil(support)) * 2 + 1;
  windows.at.resize(out);
  windows.weights.resize(out * windows.stride);
  std::vector<double> exact(windows.stride);
  for (int64_t i = 0; i < out; ++i) {
    const double center = (i + 0.5) * scale;
    // NOLINTBEGIN(bugprone-incorrect-roundings): as Pillow rounds
    const int64_t first = std::max<int64_t>(static_cast<int64_t>(center - support + 0.5), 0);
    const int64_t last = std::min<int64_t>(static_cast<int64_t>(center + support + 0.5), in);
    // NOLINTEND(bugprone-incorrect-roundings)
    const int64_t count = last - first;
    double sum = 0;
    for (int64_t k = 0; k < count; ++k) {
      exact[k] = filter.weight((k + first - center + 0.5) * (1.0 / filter_scale));
      sum += exact[k];
    }
    int32_t* weights = windows.weights.data() + i * windows.stride;
    for (int64_t k = 0; k < count; ++k) {
      const double weight = (sum != 0 ? exact[k] / sum : exact[k]) * (1 << kPrecisionBits);
      weights[k] = static_cast<int32_t>(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    windows.at[i] = {first, count};
  }
  return windows;
}

constexpr int32_t kHalf = 1 << (kPrecisionBits - 1);

uint8_t to_pixel(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255));
}

/// A separate function, so that the compiler vectorises it: sums[i] += weight · pixels[i].
void accumulate(int32_t* sums, const uint8_t* pixels, int32_t weight, int64_t count) {
  for (int64_t i = 0; i < count; ++i) sums[i] += weight * pixels[i];
}

/// [H,W,C] → [H,width,C]
at::Tensor resample_rows(const at::Tensor& image, int64_t width, const Filter& filter) {
  const int64_t height = image.size(0), in_width = image.size(1), channels = image.size(2);
  const Windows windows = make_windows(in_width, width, filter);
  at::Tensor result = at::empty({height, width, channels}, at::kByte);
  const uint8_t* in = image.const_data_ptr<uint8_t>();
  uint8_t* out = result.mutable_data_ptr<uint8_t>();
  // A block of rows side by side, [W·C, kRows], so that the innermost loop runs over contiguous pixels of
  // equal weight.
  constexpr int64_t kRows = 16;
  at::parallel_for(0, (height + kRows - 1) / kRows, 1, [&](int64_t begin, int64_t end) {
    const int64_t in_row = in_width * channels, out_row = width * channels;
    std::vector<uint8_t> block(in_row * kRows);
    for (int64_t b = begin; b < end; ++b) {
      const int64_t first_row = b * kRows, rows = std::min(kRows, height - first_row);
      for (int64_t r = 0; r < rows; ++r) {
        const uint8_t* row = in + (first_row + r) * in_row;
        for (int64_t i = 0; i < in_row; ++i) block[i * kRows + r] = row[i];
      }
      for (int64_t x = 0; x < width; ++x) {
        const auto [first, count] = windows.at[x];
        const int32_t* weights = windows.of(x);
        for (int64_t c = 0; c < channels; ++c) {
          int32_t sums[kRows];
          std::fill(sums, sums + kRows, kHalf);
          for (int64_t k = 0; k < count; ++k) {
            accumulate(sums, block.data() + ((first + k) * channels + c) * kRows, weights[k], kRows);
          }
          for (int64_t r = 0; r < rows; ++r)
            out[(first_row + r) * out_row + x * channels + c] = to_pixel(sums[r]);
        }
      }
    }
  });
  return result;
}

/// [H,W,C] → [height,W,C]
at::Tensor resample_columns(const at::Tensor& image, int64_t height, const Filter& filter) {
  const int64_t width = image.size(1), channels = image.size(2), row = width * channels;
  const Windows windows = make_windows(image.size(0), height, filter);
  at::Tensor result = at::empty({height, width, channels}, at::kByte);
  const uint8_t* in = image.const_data_ptr<uint8_t>();
  uint8_t* out = result.mutable_data_ptr<uint8_t>();
  at::parallel_for(0, height, 1, [&](int64_t begin, int64_t end) {
    std::vector<int32_t> sums(row);
    for (int64_t y = begin; y < end; ++y) {
      const auto [first, count] = windows.at[y];
      std::fill(sums.begin(), sums.end(), kHalf);
      for (int64_t k = 0; k < count; ++k)
        accumulate(sums.data(), in + (first + k) * row, windows.of(y)[k], row);
      std::transform(sums.begin(), sums.end(), out + y * row, to_pixel);
    }
  });
  return result;
}

/// Returns the input position of each output position. The steps are added up as in Pillow, with the same
/// rounding errors.
std::vector<int64_t> nearest_positions(int64_t in, int64_t out) {
  const double step = static_cast<double>(in) / static_cast<double>(out);
  std::vector<int64_t> positions(out);
  double position = step * 0.5;
  for (int64_t& p : positions) {
    p = static_cast<int64_t>(position);
    position += step;
  }
  return positions;
}

at::Tensor resize_nearest(const at::Tensor& image, int64_t height, int64_t width) {
  const int64_t channels = image.size(2);
  const auto rows = nearest_positions(image.size(0), height),
             columns = nearest_positions(image.size(1), width);
  at::Tensor result =
      at::zeros({height, width, channels}, at::kByte);  // positions that rounding moves outside stay black
  uint8_t* out = result.mutable_data_ptr<uint8_t>();
  for (const int64_t y : rows) {
    const uint8_t* row = image.const_data_ptr<uint8_t>() + y * image.size(1) * channels;
    for (const int64_t x : columns) {
      if (y < image.size(0) && x < image.size(1)) std::memcpy(out, row + x * channels, channels);
      out += channels;
    }
  }
  return result;
}

}  // namespace

at::Tensor resize_like_pillow(const at::Tensor& image, int64_t height, int64_t width,
                              Interpolation interpolation, PassOrder pass_order) {
  if (image.dim() != 3 || image.scalar_type() != at::kByte || !image.is_cpu() || image.numel() == 0) {
    throw Error(cat("resizing needs a uint8 picture [H,W,C] on the CPU, not ", image.toString(), " of shape ",
                    image.sizes()));
  }
  const auto sizes = [&] {
    return cat(image.size(1), " x ", image.size(0), " pixels can't be resized to ", width, " x ", height);
  };
  if (height < 1 || width < 1)
    throw Error(cat("a picture of ", sizes(), ": each side must be at least 1 pixel"));
  if (width > kMaxPixels / std::max(height, image.size(0))) {
    throw Error(cat("a picture of ", sizes(), ": more than ", kMaxPixels / 1'000'000,
                    " megapixels in an intermediate step"));
  }
  at::Tensor result = image.contiguous();
  if (interpolation == Interpolation::nearest) return resize_nearest(result, height, width);
  const Filter filter = filter_of(interpolation);
  const auto resize_width = [&] {
    if (width != image.size(1)) result = resample_rows(result, width, filter);
  };
  const auto resize_height = [&] {
    if (height != image.size(0)) result = resample_columns(result, height, filter);
  };
  const int64_t shrinks_by = image.size(0) - height;
  const bool vertical_first =
      pass_order == PassOrder::adaptive && shrinks_by > 0 && shrinks_by > 2 * (image.size(1) - width);
  if (vertical_first) resize_height();
  resize_width();
  if (!vertical_first) resize_height();
  return result;
}

}  // namespace flam
