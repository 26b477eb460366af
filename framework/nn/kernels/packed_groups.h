#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <vector>

#include "framework/nn/kernels/few_rows_simd.h"

namespace flam::kernels {

/// The rows of x, packed in groups of up to kGroup.
struct PackedGroups {
  at::Tensor room;
  std::vector<PackedRows> groups;
};

/// `pack(x, rows, in, packed)` packs one group of x [rows,in].
template <typename T, class Pack>
PackedGroups packed_groups(const T* x, int64_t rows, int64_t in, const Pack& pack) {
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

}  // namespace flam::kernels
