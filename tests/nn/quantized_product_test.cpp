// Products with quantised weights compared with plain loops, for every kind of vectors that this machine has.
#include "framework/nn/kernels/quantized_product.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <hwy/targets.h>

#include <cmath>

#include "framework/nn/kernels/few_rows.h"
#include "framework/nn/kernels/quantized_simd.h"
#include "framework/nn/kernels/row_tiles.h"
#include "framework/nn/layers.h"
#include "framework/testing/near.h"
#include "framework/weights/quantize_weights.h"

namespace flam {
namespace {

using kernels::quantized_product;
using kernels::quantized_product_reference;

constexpr QuantScheme kInt8{QuantScheme::Type::int8, 0}, kInt4{QuantScheme::Type::int4, 32},
    kWideInt4{QuantScheme::Type::int4, 64};

class Quantized : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
  const at::NoGradGuard no_grad_;
};

/// The same numbers, beginning `offset` elements after an aligned address.
at::Tensor unaligned(const at::Tensor& values, int64_t offset) {
  const at::Tensor room = at::empty({values.numel() + offset}, values.options());
  return room.narrow(0, offset, values.numel()).view(values.sizes()).copy_(values);
}

QuantizedMatrix random_matrix(int64_t out, int64_t in, const QuantScheme& scheme, uint64_t seed) {
  QuantizedMatrix matrix = quantize(random({out, in}, seed), scheme, "m");
  matrix.values = unaligned(matrix.values, static_cast<int64_t>(seed % 5));
  matrix.scales = unaligned(matrix.scales, static_cast<int64_t>(seed % 3));
  return matrix;
}

/// What rounding x to 16-bit integers may change: [rows,out].
at::Tensor rounding_bound(const at::Tensor& x, const QuantizedMatrix& w) {
  const at::Tensor largest = x.to(at::kFloat).abs().amax({1}, /*keepdim=*/true);
  return largest / 65534 * dequantize(w, at::kFloat).abs().sum(1);
}

TEST_P(Quantized, few_rows_equal_plain_loops_for_odd_sizes_and_unaligned_memory) {
  uint64_t seed = 0;
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const int64_t in : {1, 31, 64, 100, 192, 1301, 1344}) {
      for (const QuantScheme& scheme : {kInt8, kInt4, kWideInt4}) {
        if (!can_quantize(scheme, in)) continue;
        for (const int64_t out : {1, 12, 29}) {
          for (const int64_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 16}) {
            ++seed;
            const at::Tensor x = unaligned(random({rows, in}, seed).to(dtype),
                                           static_cast<int64_t>(seed % 4)),
                             b = seed % 2 ? unaligned(random({out}, seed + 2).to(dtype), 1) : at::Tensor();
            const QuantizedMatrix w = random_matrix(out, in, scheme, seed);
            const at::Tensor y = quantized_product(x, w, b);
            ASSERT_EQ(y.scalar_type(), dtype);
            // Tiles round the scaled numbers of int4 to bfloat16.
            const bool rounds = scheme.type == QuantScheme::Type::int4 && dtype == at::kBFloat16 &&
                                kernels::has_row_tiles(true) && rows > 4;
            const at::Tensor expected = rounds
                                            ? kernels::few_rows_reference(x, dequantize(w, at::kBFloat16), b)
                                            : quantized_product_reference(x, w, b);
            const at::Tensor wrong = (y.to(at::kFloat) - expected.to(at::kFloat)).abs(),
                             allowed = expected.to(at::kFloat).abs() * (dtype == at::kFloat ? 1e-5 : 8e-3) +
                                       1e-5 * std::sqrt(static_cast<double>(in)) + rounding_bound(x, w);
            ASSERT_TRUE((wrong <= allowed).all().item<bool>())
                << dtype << " " << rows << " × " << in << " → " << out;
          }
        }
      }
    }
  }
}

// In bfloat16, more rows are computed otherwise.
TEST_P(Quantized, a_row_is_computed_alike_beside_others) {
  for (const auto& [dtype, most] : {std::pair{at::kFloat, 16}, std::pair{at::kBFloat16, 4}}) {
    for (const QuantScheme& scheme : {kInt8, kInt4}) {
      const QuantizedMatrix w = random_matrix(29, 2304, scheme, 2);
      const at::Tensor x = random({most, 2304}, 1).to(dtype), together = quantized_product(x, w, {});
      for (int64_t rows = 1; rows < most; ++rows)
        EXPECT_TRUE(at::equal(quantized_product(x.narrow(0, most - rows, rows), w, {}),
                              together.narrow(0, most - rows, rows)))
            << rows;
    }
  }
}

TEST_P(Quantized, numbers_that_are_not_finite_or_tiny_stay_in_their_row) {
  for (const QuantScheme& scheme : {kInt8, kInt4}) {
    const QuantizedMatrix w = random_matrix(13, 320, scheme, 7);
    for (const double number : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
      const at::Tensor x = random({3, 320}, 1);
      const at::Tensor before = quantized_product(x, w, {});
      x[1][300].fill_(number);
      const at::Tensor y = quantized_product(x, w, {});
      EXPECT_TRUE(y[1].isfinite().logical_not().all().item<bool>()) << number;
      EXPECT_TRUE(at::equal(y[0], before[0]));
      EXPECT_TRUE(at::equal(y[2], before[2]));
    }
    EXPECT_TRUE(at::equal(quantized_product(at::full({1, 320}, 1e-40, at::kFloat), w, {}),
                          at::full({1, 13}, 0.0, at::kFloat)));
  }
}

TEST_P(Quantized, many_rows_equal_the_product_with_the_numbers) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf, at::kDouble}) {
    for (const QuantScheme& scheme : {kInt8, kInt4}) {
      // 2050 rows of 1152 are more than one block.
      const QuantizedMatrix w = random_matrix(2050, 1152, scheme, 3);
      const at::Tensor x = random({3, 6, 1152}, 4).to(dtype), b = random({2050}, 5).to(dtype);
      EXPECT_TRUE(near(quantized_product(x, w, b), at::linear(x, dequantize(w, dtype), b),
                       dtype == at::kFloat ? 1e-5 : 1e-2));
    }
  }
}

TEST_P(Quantized, numbers_are_those_of_the_matrix) {
  for (const int64_t in : {3, 64, 100, 1344}) {
    for (const QuantScheme& scheme : {kInt8, kInt4}) {
      if (!can_quantize(scheme, in)) continue;
      const QuantizedMatrix w = random_matrix(13, in, scheme, 6);
      // With a row of each unit vector, the product is a column of the matrix.
      const at::Tensor ones = at::full({17, in}, 0.0, at::kFloat);
      ones.select(1, in - 1).fill_(1);
      const at::Tensor y = quantized_product(ones, w, {});
      EXPECT_TRUE(at::equal(y[16], dequantize(w, at::kFloat).select(1, in - 1)));
      EXPECT_TRUE(at::equal(quantized_product(ones.to(at::kBFloat16), w, {})[0],
                            dequantize(w, at::kBFloat16).select(1, in - 1)));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Quantized, testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& info) { return std::string(hwy::TargetName(info.param)); });

class QuantizedLinear : public testing::Test {
 protected:
  QuantizedLinear() {
    const WeightScope scope(store_, "m");
    dense_ = Linear(scope, "dense", 64, 13);
    stack_ = StackedLinear(scope, 64, {{"q", 8}, {"k", 4}});
    fused_ = Linear::fused(scope, "fused", 64, {5, 7});
    table_ = (scope / "embed").vocabulary("weight", {9, 64}, Init::normal(1));
    head_ = Linear((scope / "head").tie("weight", table_));
    norm_ = LayerNorm(scope, "norm", 64);
  }
  void fill(const char* scheme) {
    QuantizeConfig config = QuantizeConfig::of(scheme);
    config.rules.front().tensors = {"m.*"};
    choose_schemes(store_, config);
    store_.initialise(at::kCPU, at::kFloat, 1);
  }
  WeightStore store_;
  Linear dense_, fused_, head_;
  StackedLinear stack_;
  Weight table_;
  LayerNorm norm_;
};

TEST_F(QuantizedLinear, layers_are_quantised_and_embeddings_norms_and_biases_are_not) {
  fill("int4");
  std::vector<std::string> quantized;
  for (const auto& slot : store_.slots())
    if (slot->quantized) quantized.push_back(slot->name);
  EXPECT_EQ(quantized,
            (std::vector<std::string>{"m.dense.weight", "m.q.weight", "m.k.weight", "m.fused.weight"}));
  EXPECT_FALSE(table_.quantized());
  EXPECT_THROW(static_cast<void>(dense_.weight().tensor()), RunError);
}

TEST_F(QuantizedLinear, every_kind_of_layer_multiplies_with_the_numbers) {
  for (const char* scheme : {"int8", "int4:64"}) {
    SCOPED_TRACE(scheme);
    fill(scheme);
    const at::Tensor x = random({2, 3, 64}, 1);
    const auto numbers = [&](const char* name) {
      return dequantize(*store_.find(name)->quantized, at::kFloat);
    };
    const auto check = [&] {
      constexpr double kRounding = 1e-4;  // of x to integers
      EXPECT_TRUE(
          near(dense_(x), at::linear(x, numbers("m.dense.weight"), dense_.bias().tensor()), kRounding));
      EXPECT_TRUE(
          near(fused_(x), at::linear(x, numbers("m.fused.weight"), fused_.bias().tensor()), kRounding));
      EXPECT_TRUE(near(stack_(x)[1], at::linear(x, numbers("m.k.weight"), store_.find("m.k.bias")->tensor),
                       kRounding));
      EXPECT_TRUE(
          near(add_product(random({2, 3, 13}, 2), dense_, x, false), random({2, 3, 13}, 2) + dense_(x)));
    };
    check();  // with gradients of x
    const at::NoGradGuard no_grad;
    check();
    EXPECT_EQ(dense_(x.to(at::kMeta)).sizes(), at::IntArrayRef({2, 3, 13}));
    for (const auto& slot : store_.slots()) slot->quantized.reset();
  }
}

}  // namespace
}  // namespace flam
