#include "framework/nn/position_grid.h"

#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/upsample_bicubic2d.h>

#include <array>

namespace flam {

PositionGrid::PositionGrid(const WeightScope& weights, const std::string& name, const Shape& shape)
    : shape_(shape),
      weight_(weights.tensor(name, {shape.prefix_rows + shape.stored_side * shape.stored_side, shape.width},
                             Init::normal(0.02))) {}

at::Tensor PositionGrid::operator()() const {
  const at::Tensor& table = weight_.tensor();
  const int64_t stored = shape_.stored_side;
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

}  // namespace flam
