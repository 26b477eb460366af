#include "framework/nn/position_grid.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/index.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/upsample_bicubic2d.h>

#include <array>

namespace flam {

namespace {

/// The bucket of each of `side` patches along an axis, where shown [N] of them show the picture → [N,side]
/// int64.
at::Tensor buckets(const at::Tensor& shown, int64_t side, int64_t stored_side) {
  const auto options = shown.options().dtype(at::kFloat);
  const at::Tensor boundaries = at::arange(1, stored_side, options) / stored_side;
  const at::Tensor step = shown.to(at::kFloat).reciprocal().unsqueeze(1);
  const at::Tensor place = (at::arange(side, options) * step).clamp_max(1 - 1e-6);
  return boundaries.le(place.unsqueeze(2)).sum(-1);
}

}  // namespace

PositionGrid::PositionGrid(const WeightScope& weights, const std::string& name, const Shape& shape)
    : shape_(shape),
      weight_(weights.tensor(name, {shape.prefix_rows + shape.stored_side * shape.stored_side, shape.width},
                             Init::normal(0.02))) {}

at::Tensor PositionGrid::operator()() const {
  const at::Tensor& table = weight_.tensor();
  const int64_t stored = shape_.stored_side;
  if (shape_.interpolation == Interpolation::buckets)
    return (*this)(at::ones({1, shape_.side, shape_.side}, table.options().dtype(at::kBool)))[0];
  if (stored == shape_.side) return table;
  const at::Tensor grid = table.narrow(0, shape_.prefix_rows, stored * stored)
                              .to(at::kFloat)
                              .t()
                              .reshape({1, shape_.width, stored, stored});
  const std::array<int64_t, 2> size{shape_.side, shape_.side};
  const at::Tensor resized = shape_.interpolation == Interpolation::bicubic
                                 ? at::upsample_bicubic2d(grid, size, /*align_corners=*/false)
                                 : at::_upsample_bicubic2d_aa(grid, size, /*align_corners=*/false);
  const at::Tensor rows = resized.flatten(2)[0].t().to(table.scalar_type());
  return shape_.prefix_rows == 0 ? rows : at::cat({table.narrow(0, 0, shape_.prefix_rows), rows});
}

at::Tensor PositionGrid::operator()(const at::Tensor& patch_mask) const {
  const at::Tensor& table = weight_.tensor();
  const at::Tensor rows = buckets(patch_mask.select(2, 0).sum(1), shape_.side, shape_.stored_side);
  const at::Tensor columns = buckets(patch_mask.select(1, 0).sum(1), shape_.side, shape_.stored_side);
  const at::Tensor ids = (rows.unsqueeze(2) * shape_.stored_side + columns.unsqueeze(1))
                             .masked_fill(patch_mask.bitwise_not(), 0);
  return at::index(table, {ids.flatten(1)});
}

}  // namespace flam
