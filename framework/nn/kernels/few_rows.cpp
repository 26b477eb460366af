#include "framework/nn/kernels/few_rows.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "framework/nn/kernels/elements.h"
#include "framework/nn/kernels/few_rows_simd.h"
#include "framework/nn/kernels/operands.h"
#include "framework/nn/kernels/record.h"

namespace flam::kernels {

namespace {

// libtorch is faster with more rows than these.
constexpr int64_t kMostFloatRows = 16;
constexpr int64_t kMostBFloat16Rows = 8;
constexpr int64_t kProductsPerTask = 1 << 17;  // fewer are not worth waking a thread

/// The rows of x, packed in groups of up to kGroup.
struct PackedGroups {
  at::Tensor room;
  std::vector<PackedRows> groups;
};

template <typename T>
PackedGroups packed_groups(const T* x, int64_t rows, int64_t in) {
  const auto group_size = static_cast<int64_t>(packed_size(kGroup, in));
  const auto most = static_cast<int64_t>(kGroup);
  PackedGroups out;
  out.room = at::empty({(rows + most - 1) / most * group_size}, at::kFloat);
  for (int64_t first = 0; first < rows; first += most) {
    float* const values = out.room.mutable_data_ptr<float>() + std::ssize(out.groups) * group_size;
    out.groups.push_back(
        {values, static_cast<size_t>(std::min(most, rows - first)), static_cast<size_t>(in)});
    pack(x + first * in, out.groups.back().rows, static_cast<size_t>(in), values);
  }
  return out;
}

template <typename T>
at::Tensor product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const int64_t in = weight.size(1), out = weight.size(0), rows = x.numel() / in;
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = out;
  at::Tensor y = at::empty(shape, x.options());
  const DenseWeight<T> dense{elements<T>(weight), bias.defined() ? elements<T>(bias) : nullptr,
                             static_cast<size_t>(in), static_cast<size_t>(out)};
  T* const results = static_cast<T*>(y.mutable_data_ptr());

  const PackedGroups packed = packed_groups(elements<T>(x), rows, in);
  const auto panel = static_cast<int64_t>(kPanel);
  const int64_t panels = (out + panel - 1) / panel;
  const int64_t grain = std::max<int64_t>(kProductsPerTask / (panel * in * rows), 1);
  at::parallel_for(0, panels, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {  // the second group finds the panel's weights in the cache
      for (size_t g = 0; g < packed.groups.size(); ++g)
        multiply(packed.groups[g], dense, i * panel, std::min((i + 1) * panel, out),
                 results + g * kGroup * out);
    }
  });
  return y;
}

}  // namespace

bool enabled() {
  static const bool on = [] {
    const char* const wanted = std::getenv("FLAM_KERNELS");
    return !(wanted && std::string_view(wanted) == "off") && has_vectors();
  }();
  return on;
}

bool takes_few_rows(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (!is_plain_product(x, weight, bias) || !enabled()) return false;
  const int64_t most = x.scalar_type() == at::kFloat ? kMostFloatRows : kMostBFloat16Rows;
  return x.numel() <= most * x.size(-1);
}

at::Tensor few_rows_product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return recorded("flam::few_rows_product", {x, weight, bias}, [&] {
    return x.scalar_type() == at::kFloat ? product<float>(x, weight, bias)
                                         : product<uint16_t>(x, weight, bias);
  });
}

}  // namespace flam::kernels
