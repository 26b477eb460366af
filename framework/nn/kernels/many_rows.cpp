#include "framework/nn/kernels/many_rows.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <vector>

#include "framework/nn/kernels/elements.h"
#include "framework/nn/kernels/few_rows.h"
#include "framework/nn/kernels/operands.h"
#include "framework/nn/kernels/record.h"
#include "framework/nn/kernels/row_tiles.h"

namespace flam::kernels {

namespace {

// libtorch is faster with more rows of bfloat16. float32 has no limit: a picture's features must not depend
// on how many are encoded together.
constexpr int64_t kMostBFloat16Rows = 64;
constexpr int64_t kFewBFloat16Rows = 4;        // up to which few_rows_product() is faster
constexpr int64_t kProductsPerTask = 1 << 17;  // fewer are not worth waking a thread

template <typename T, class Weight>
at::Tensor product(const at::Tensor& x, const Weight& weight, int64_t out, const at::Tensor& bias) {
  const int64_t in = x.size(-1), rows = x.numel() / in;
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = out;
  at::Tensor y = at::empty(shape, x.options());
  const TiledProduct<T> tiled{elements<T>(x),
                              bias.defined() ? elements<T>(bias) : nullptr,
                              static_cast<T*>(y.mutable_data_ptr()),
                              static_cast<size_t>(rows),
                              static_cast<size_t>(in),
                              static_cast<size_t>(out)};
  const auto tile = static_cast<int64_t>(kTileColumns);
  const int64_t grain = std::max<int64_t>(kProductsPerTask / (tile * in * rows), 1);
  at::parallel_for(0, (out + tile - 1) / tile, grain, [&](int64_t begin, int64_t end) {
    row_tiles(tiled, weight, begin * tile, std::min(end * tile, out));
  });
  return y;
}

}  // namespace

bool takes_many_rows(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (!is_plain_product(x, weight, bias) || !enabled()) return false;
  const bool bfloat16 = x.scalar_type() == at::kBFloat16;
  if (bfloat16 && (x.numel() <= kFewBFloat16Rows * x.size(-1) || x.numel() > kMostBFloat16Rows * x.size(-1)))
    return false;
  return has_row_tiles(bfloat16);
}

at::Tensor many_rows_product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return recorded("flam::many_rows_product", {x, weight, bias}, [&] {
    return x.scalar_type() == at::kFloat
               ? product<float>(x, elements<float>(weight), weight.size(0), bias)
               : product<uint16_t>(x, elements<uint16_t>(weight), weight.size(0), bias);
  });
}

at::Tensor many_rows_product(const at::Tensor& x, const Int8Weight& weight, const at::Tensor& bias) {
  return product<uint16_t>(x, weight, static_cast<int64_t>(weight.out), bias);
}

at::Tensor many_rows_product(const at::Tensor& x, const Int4Weight& weight, const at::Tensor& bias) {
  return product<uint16_t>(x, weight, static_cast<int64_t>(weight.out), bias);
}

}  // namespace flam::kernels
