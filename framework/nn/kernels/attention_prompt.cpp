#include "framework/nn/kernels/attention_prompt.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "framework/nn/kernels/elements.h"
#include "framework/nn/kernels/few_rows.h"
#include "framework/nn/kernels/pair_product.h"
#include "framework/nn/kernels/record.h"
#include "framework/nn/kernels/softmax_simd.h"

namespace flam::kernels {

namespace {

constexpr int64_t kTile = 24;                  // queries that read a head's keys together
constexpr int64_t kProductsPerTask = 1 << 20;  // fewer are not worth waking a thread
constexpr int64_t kLeastQueries = 16;          // with fewer, packing keys and values does not pay

int64_t round_up(int64_t count, int64_t unit) {
  return (count + unit - 1) / unit * unit;
}

/// The rows of one head, `stride` elements apart.
struct Head {
  const uint16_t* rows;
  int64_t stride, length, width;
};

Head head_of(const at::Tensor& x, int64_t b, int64_t h) {
  return {elements<uint16_t>(x) + b * x.stride(0) + h * x.stride(1), x.stride(2), x.size(2), x.size(3)};
}

uint32_t paired(uint16_t first, uint16_t second) {
  return first | static_cast<uint32_t>(second) << 16;
}

/// keysᵀ [width,length] as pairs of neighbouring channels.
void pack_keys(const Head& keys, int64_t columns, uint32_t* out) {
  constexpr int64_t kBlock = 16;  // rows that are written as one line
  for (int64_t first = 0; first < columns; first += kBlock) {
    for (int64_t k = 0; k < keys.width; k += 2) {
      uint32_t* const line = out + k / 2 * columns + first;
      for (int64_t i = 0; i < kBlock; ++i) {
        const uint16_t* const row = keys.rows + (first + i) * keys.stride + k;
        line[i] = first + i < keys.length ? paired(row[0], k + 1 < keys.width ? row[1] : 0) : 0;
      }
    }
  }
}

/// values [length,width] as pairs of neighbouring rows, up to `depth` rows.
void pack_values(const Head& values, int64_t depth, int64_t columns, uint32_t* out) {
  for (int64_t j = 0; j < depth; j += 2, out += columns) {
    const uint16_t *const first = values.rows + j * values.stride, *const second = first + values.stride;
    std::fill(out, out + columns, 0);
    if (j + 1 < values.length) {
      for (int64_t k = 0; k < values.width; ++k) out[k] = paired(first[k], second[k]);
    } else if (j < values.length) {
      for (int64_t k = 0; k < values.width; ++k) out[k] = paired(first[k], 0);
    }
  }
}

/// All heads' keys and values, packed.
class PackedHeads {
 public:
  PackedHeads(const at::Tensor& k, const at::Tensor& v)
      : width_(k.size(3)),
        padded_length_(round_up(k.size(2), 64)),
        padded_width_(round_up(width_, 16)),
        keys_size_((width_ + 1) / 2 * padded_length_),
        size_(keys_size_ + padded_length_ / 2 * padded_width_),
        packed_(at::empty({k.size(0) * k.size(1) * size_}, at::kInt)) {
    const int64_t heads = k.size(1);
    auto* const room = static_cast<uint32_t*>(packed_.mutable_data_ptr());
    const int64_t grain = std::max<int64_t>(kProductsPerTask / (16 * size_), 1);
    at::parallel_for(0, k.size(0) * heads, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        pack_keys(head_of(k, i / heads, i % heads), padded_length_, room + i * size_);
        pack_values(head_of(v, i / heads, i % heads), padded_length_, padded_width_,
                    room + i * size_ + keys_size_);
      }
    });
  }

  PairedMatrix keys(int64_t head) const {
    return {data() + head * size_, static_cast<size_t>(width_), static_cast<size_t>(padded_length_)};
  }
  /// The first `length` values.
  PairedMatrix values(int64_t head, int64_t length) const {
    return {data() + head * size_ + keys_size_, static_cast<size_t>(length),
            static_cast<size_t>(padded_width_)};
  }
  int64_t padded_length() const { return padded_length_; }
  int64_t padded_width() const { return padded_width_; }

 private:
  const uint32_t* data() const { return elements<uint32_t>(packed_); }

  int64_t width_, padded_length_, padded_width_, keys_size_, size_;
  at::Tensor packed_;
};

/// Some queries of one head.
struct Queries {
  Head rows;
  int64_t first_sees, each_sees_more;  // keys
  float scale;
  uint16_t* out;
  int64_t out_stride;
};

class Tile {
 public:
  explicit Tile(const PackedHeads& heads)
      : heads_(heads), room_(new float[kTile * (heads.padded_length() + 2 * heads.padded_width())]) {}

  void attend(const Queries& q, int64_t head) const {
    const int64_t count = q.rows.length, width = q.rows.width, stride = heads_.padded_length(),
                  out_width = heads_.padded_width();
    const int64_t seen = q.first_sees + (count - 1) * q.each_sees_more, columns = round_up(seen, 64);
    float* const scores = room_.get();
    float* const sums = scores + kTile * stride;
    auto* const queries = reinterpret_cast<uint16_t*>(sums + kTile * out_width);
    for (int64_t r = 0; r < count; ++r) {
      std::memcpy(queries + r * out_width, q.rows.rows + r * q.rows.stride, width * sizeof(uint16_t));
      if (width % 2) queries[r * out_width + width] = 0;
    }
    pair_product(queries, out_width, count, heads_.keys(head), columns, scores, stride);
    float inverse[kTile];
    for (int64_t r = 0; r < count; ++r)
      inverse[r] =
          1.0F / softmax_weights(scores + r * stride, q.first_sees + r * q.each_sees_more, columns, q.scale);
    pair_product(reinterpret_cast<const uint16_t*>(scores), 2 * stride, count, heads_.values(head, columns),
                 out_width, sums, out_width);
    for (int64_t r = 0; r < count; ++r)
      scaled(sums + r * out_width, inverse[r], width, q.out + r * q.out_stride);
  }

 private:
  const PackedHeads& heads_;
  std::unique_ptr<float[]> room_;
};

}  // namespace

bool takes_attention_prompt(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  if (at::GradMode::is_enabled() || q.size(2) < kLeastQueries || k.size(2) == 0) return false;
  for (const at::Tensor* const tensor : {&q, &k, &v}) {
    if (!tensor->is_cpu() || tensor->scalar_type() != at::kBFloat16 || tensor->stride(3) != 1) return false;
  }
  return q.numel() > 0 && v.size(3) == q.size(3) && has_pair_products() && enabled();
}

at::Tensor attention_prompt(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal) {
  return recorded("flam::attention_prompt", {q, k, v}, [&] {
    const int64_t batch = q.size(0), heads = q.size(1), length = q.size(2), width = q.size(3);
    const int64_t group = heads / k.size(1), tiles = (length + kTile - 1) / kTile;
    const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(width)));
    at::Tensor out = at::empty({batch, length, heads, width}, q.options());
    auto* const results = static_cast<uint16_t*>(out.mutable_data_ptr());
    const PackedHeads packed(k, v);
    const int64_t grain = std::max<int64_t>(kProductsPerTask / (2 * kTile * k.size(2) * width), 1);
    at::parallel_for(0, batch * heads * tiles, grain, [&](int64_t begin, int64_t end) {
      const Tile tile(packed);
      for (int64_t i = begin; i < end; ++i) {
        const int64_t b = i / tiles / heads, h = i / tiles % heads, turn = i % tiles;
        // Late tiles see more keys, so early and late ones take turns.
        const int64_t first = kTile * (turn % 2 ? tiles - 1 - turn / 2 : turn / 2);
        Head rows = head_of(q, b, h);
        rows.rows += first * rows.stride;
        rows.length = std::min(kTile, length - first);
        tile.attend({rows, causal ? first + 1 : k.size(2), causal, scale,
                     results + ((b * length + first) * heads + h) * width, heads * width},
                    b * k.size(1) + h / group);
      }
    });
    return out.transpose(1, 2);
  });
}

}  // namespace flam::kernels
