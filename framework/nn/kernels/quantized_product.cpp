#include "framework/nn/kernels/quantized_product.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>

#include <algorithm>

#include "framework/nn/kernels/elements.h"
#include "framework/nn/kernels/few_rows.h"
#include "framework/nn/kernels/many_rows.h"
#include "framework/nn/kernels/quantized_simd.h"
#include "framework/nn/kernels/record.h"
#include "framework/nn/kernels/row_tiles.h"

namespace flam::kernels {

namespace {

constexpr int64_t kMostRows = 16;              // libtorch is faster with more
constexpr int64_t kMostIntegerRows = 4;        // of bfloat16, where there are row_tiles(), which are
constexpr int64_t kMostTiledRows = 64;         // faster from there on, up to this number of rows
constexpr int64_t kProductsPerTask = 1 << 17;  // fewer are not worth waking a thread
constexpr int64_t kBlockNumbers = 1 << 21;     // of the weight that exist at the same time
constexpr int64_t kNumbersPerTask = 1 << 15;

bool is_int8(const QuantizedMatrix& weight) {
  return weight.scheme.type == QuantScheme::Type::int8;
}

Int8Weight int8_weight(const QuantizedMatrix& w) {
  return {elements<int8_t>(w.values), elements<float>(w.scales), static_cast<size_t>(w.columns()),
          static_cast<size_t>(w.rows())};
}

Int4Weight int4_weight(const QuantizedMatrix& w) {
  return {elements<uint8_t>(w.values), elements<uint16_t>(w.scales), static_cast<size_t>(w.scheme.group_size),
          static_cast<size_t>(w.columns()), static_cast<size_t>(w.rows())};
}

std::vector<int64_t> output_shape(const at::Tensor& x, int64_t out) {
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = out;
  return shape;
}

/// The rows of x as integers, in groups of up to kIntegerGroup.
struct IntegerGroups {
  at::Tensor room;
  std::vector<IntegerRows> groups;
};

/// `pack(x, out)` packs one group.
template <typename T, class Pack>
IntegerGroups integer_groups(const T* x, int64_t rows, int64_t in, const Pack& pack) {
  const IntegerRows shape{nullptr, nullptr, nullptr, kIntegerGroup, static_cast<size_t>(in)};
  const size_t blocks = shape.blocks() * kIntegerGroup, values = blocks * kIntegerBlock / 2,
               sums = blocks * kBlockSums;
  const auto most = static_cast<int64_t>(kIntegerGroup), count = (rows + most - 1) / most;
  IntegerGroups out;
  out.room = at::empty({count, static_cast<int64_t>(values + sums + blocks)}, at::kInt);
  for (int64_t g = 0; g < count; ++g) {
    int32_t* const room = out.room[g].mutable_data_ptr<int32_t>();
    IntegerRows group = shape;
    group.values = reinterpret_cast<int16_t*>(room);
    group.sums = room + values;
    group.scales = reinterpret_cast<float*>(room + values + sums);
    group.rows = static_cast<size_t>(std::min(most, rows - g * most));
    pack(x + g * most * in, group);
    out.groups.push_back(group);
  }
  return out;
}

template <typename T, class Weight, class Pack>
at::Tensor few_rows(const at::Tensor& x, const Weight& weight, const at::Tensor& bias, const Pack& pack) {
  const auto in = static_cast<int64_t>(weight.in), out = static_cast<int64_t>(weight.out);
  const int64_t rows = x.numel() / in;
  const IntegerGroups packed = integer_groups(elements<T>(x), rows, in, pack);
  at::Tensor y = at::empty(output_shape(x, out), x.options());
  T* const results = static_cast<T*>(y.mutable_data_ptr());
  const T* const added = bias.defined() ? elements<T>(bias) : nullptr;
  const auto panel = static_cast<int64_t>(kPanel);
  const int64_t grain = std::max<int64_t>(kProductsPerTask / (panel * in * rows), 1);
  at::parallel_for(0, (out + panel - 1) / panel, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {  // later groups find the panel's weights in the cache
      for (size_t g = 0; g < packed.groups.size(); ++g)
        multiply(packed.groups[g], weight, added, i * panel, std::min((i + 1) * panel, out),
                 results + g * kIntegerGroup * out);
    }
  });
  return y;
}

template <typename T>
at::Tensor few_rows(const at::Tensor& x, const QuantizedMatrix& weight, const at::Tensor& bias) {
  if (is_int8(weight)) return few_rows<T>(x, int8_weight(weight), bias, &pack_for_int8<T>);
  return few_rows<T>(x, int4_weight(weight), bias, &pack_for_int4<T>);
}

/// Writes the numbers of weight rows first … first + count − 1 to `to` [count,K].
template <typename T>
void write_numbers(const QuantizedMatrix& weight, int64_t first, int64_t count, const at::Tensor& to) {
  T* const numbers = static_cast<T*>(to.mutable_data_ptr());
  const int64_t in = weight.columns();
  at::parallel_for(0, count, std::max<int64_t>(kNumbersPerTask / in, 1), [&](int64_t begin, int64_t end) {
    if (is_int8(weight))
      return numbers_of(int8_weight(weight), first + begin, first + end, numbers + begin * in);
    numbers_of(int4_weight(weight), first + begin, first + end, numbers + begin * in);
  });
}

bool has_kernels(at::ScalarType dtype) {
  return enabled() && (dtype == at::kFloat || dtype == at::kBFloat16);
}

at::Tensor block_of(const QuantizedMatrix& weight, int64_t first, int64_t count, at::ScalarType dtype,
                    const at::Tensor& room) {
  if (!has_kernels(dtype)) return dequantize(weight.narrow(first, count), dtype);
  at::Tensor block = room.narrow(0, 0, count);
  dtype == at::kFloat ? write_numbers<float>(weight, first, count, block)
                      : write_numbers<uint16_t>(weight, first, count, block);
  return block;
}

at::Tensor many_rows(const at::Tensor& x, const QuantizedMatrix& weight, const at::Tensor& bias) {
  const int64_t in = weight.columns(), out = weight.rows();
  const int64_t most = std::clamp<int64_t>(kBlockNumbers / in, 1, out);
  const at::Tensor rows = x.reshape({-1, in});
  at::Tensor y = at::empty({rows.size(0), out}, x.options());
  const at::Tensor room = has_kernels(x.scalar_type()) ? at::empty({most, in}, x.options()) : at::Tensor();
  for (int64_t first = 0; first < out; first += most) {
    const int64_t count = std::min(most, out - first);
    const at::Tensor block = block_of(weight, first, count, x.scalar_type(), room);
    const at::Tensor product =
        at::linear(rows, block, bias.defined() ? bias.narrow(0, first, count) : at::Tensor());
    if (count == out) return product.view(output_shape(x, out));
    y.narrow(1, first, count).copy_(product);
  }
  return y.view(output_shape(x, out));
}

bool takes_tiles(const at::Tensor& x, const QuantizedMatrix& weight) {
  const int64_t rows = x.numel() / weight.columns();
  return rows > kMostIntegerRows && rows <= kMostTiledRows && has_kernels(x.scalar_type()) &&
         has_row_tiles(true);
}

at::Tensor product_of(const at::Tensor& x, const QuantizedMatrix& weight, const at::Tensor& bias) {
  if (x.is_meta()) return at::empty(output_shape(x, weight.rows()), x.options());
  if (!x.is_cpu() || at::GradMode::is_enabled())
    return at::linear(x, dequantize(weight, x.scalar_type()), bias);
  if (x.scalar_type() == at::kBFloat16 && takes_tiles(x, weight))
    return is_int8(weight) ? many_rows_product(x.contiguous(), int8_weight(weight), bias)
                           : many_rows_product(x.contiguous(), int4_weight(weight), bias);
  const bool few = x.numel() > 0 && x.numel() <= kMostRows * weight.columns();
  if (!few || !has_kernels(x.scalar_type())) return many_rows(x, weight, bias);
  const at::Tensor rows = x.contiguous();
  return x.scalar_type() == at::kFloat ? few_rows<float>(rows, weight, bias)
                                       : few_rows<uint16_t>(rows, weight, bias);
}

}  // namespace

at::Tensor quantized_product(const at::Tensor& x, const QuantizedMatrix& weight, const at::Tensor& bias) {
  TORCH_CHECK(x.dim() > 0 && x.size(-1) == weight.columns(), "a product of rows of ", x.sizes(),
              " with a quantised matrix of ", weight.columns(), " columns");
  return recorded("flam::quantized_product", {x, weight.values, weight.scales, bias},
                  [&] { return product_of(x, weight, bias); });
}

at::Tensor quantized_product_reference(const at::Tensor& x, const QuantizedMatrix& weight,
                                       const at::Tensor& bias) {
  return few_rows_reference(x, dequantize(weight, at::kFloat), bias);
}

}  // namespace flam::kernels
