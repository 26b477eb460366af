// The kernels compared with plain loops, for every kind of vectors that this machine has.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tensor.h>
#include <hwy/targets.h>

#include <cmath>
#include <limits>

#include "framework/nn/attention.h"
#include "framework/nn/kernels/attention_prompt.h"
#include "framework/nn/kernels/attention_step.h"
#include "framework/nn/kernels/few_rows.h"
#include "framework/nn/kernels/few_rows_simd.h"
#include "framework/nn/kernels/many_rows.h"
#include "framework/nn/kernels/pair_product.h"
#include "framework/nn/kernels/pointwise.h"
#include "framework/nn/kernels/row_tiles.h"
#include "framework/nn/layers.h"
#include "framework/nn/rotary.h"
#include "framework/testing/near.h"

namespace flam {
namespace {

using kernels::few_rows_product;
using kernels::few_rows_reference;
using kernels::takes_few_rows;

class Kernels : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
  const at::NoGradGuard no_grad_;
};

/// Random numbers that begin `offset` elements after an aligned address.
at::Tensor unaligned(at::IntArrayRef shape, uint64_t seed, at::ScalarType dtype, int64_t offset) {
  const at::Tensor values = random(shape, seed).to(dtype);
  const at::Tensor room = at::empty({values.numel() + offset}, values.options());
  return room.narrow(0, offset, values.numel()).view(shape).copy_(values);
}

TEST_P(Kernels, equals_plain_loops_for_odd_sizes_and_unaligned_memory) {
  uint64_t seed = 0;
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const int64_t in : {1, 3, 31, 64, 100, 1301}) {
      for (const int64_t out : {1, 12, 29}) {
        for (const int64_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 17}) {
          const int64_t offset = ++seed % 5;
          const at::Tensor x = unaligned({rows, in}, seed, dtype, offset),
                           w = unaligned({out, in}, seed + 1, dtype, (offset + 3) % 5),
                           b = seed % 2 ? unaligned({out}, seed + 2, dtype, 1) : at::Tensor();
          const at::Tensor y = few_rows_product(x, w, b), expected = few_rows_reference(x, w, b);
          ASSERT_EQ(y.scalar_type(), dtype);
          const double relative = dtype == at::kFloat ? 1e-5 : 8e-3;
          ASSERT_TRUE(at::allclose(y, expected, relative, 1e-5 * std::sqrt(static_cast<double>(in))))
              << dtype << " " << rows << " × " << in << " → " << out;
        }
      }
    }
  }
}

TEST_P(Kernels, computes_a_row_alike_beside_others) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const at::Tensor x = random({17, 2309}, 1).to(dtype), w = random({29, 2309}, 2).to(dtype);
    const at::Tensor together = few_rows_product(x, w, {});
    for (int64_t rows = 1; rows < 17; ++rows) {
      const at::Tensor some = few_rows_product(x.narrow(0, 17 - rows, rows), w, {});
      EXPECT_TRUE(at::equal(some, together.narrow(0, 17 - rows, rows))) << rows;
    }
  }
}

TEST_P(Kernels, passes_on_nan_and_infinity) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const int64_t in : {5, 70}) {
      at::Tensor x = at::full({3, in}, 1, dtype);
      x[0][in - 1] = std::nanf("");
      x[1][0] = infinity;
      const at::Tensor y = few_rows_product(x, at::full({13, in}, 2, dtype), {}).to(at::kFloat);
      EXPECT_TRUE(y[0].isnan().all().item<bool>());
      EXPECT_TRUE(y[1].eq(infinity).all().item<bool>());
      EXPECT_TRUE(y[2].eq(2.0 * static_cast<double>(in)).all().item<bool>());
    }
  }
}

TEST_P(Kernels, rounds_bfloat16_once) {
  // The product, 1 + 2⁻⁹, is no bfloat16, but its sum with the bias is.
  const at::Tensor x = at::full({1, 2}, 1, at::kBFloat16), w = at::full({1, 2}, 1, at::kBFloat16);
  w[0][1] = std::ldexp(1.0, -9);
  const at::Tensor bias = at::full({1}, -1, at::kBFloat16);
  EXPECT_EQ(few_rows_product(x, w, bias).item<float>(), std::ldexp(1.0F, -9));
}

TEST_P(Kernels, attention_of_one_token_equals_softmax_attention) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const int64_t width : {2, 40, 64, 70}) {
      for (const int64_t prompt : {1, 37}) {
        const int64_t batch = 2, beams = 3, kv_heads = 2, group = 3, rows = batch * beams;
        KVCache cache({1, kv_heads, width}, batch, prompt, beams, 5, dtype);
        const auto some = [&](int64_t n, int64_t heads, int64_t length, uint64_t seed) {
          return random({n, heads, length, width}, seed).to(dtype);
        };
        const at::Tensor prompt_key = some(batch, kv_heads, prompt, 1),
                         prompt_value = some(batch, kv_heads, prompt, 2);
        cache.append(0, prompt_key, prompt_value);
        at::Tensor mask = at::full({batch, prompt}, true, at::kBool);
        mask[1][0] = false;
        cache.begin_tail(mask);
        cache.append(0, some(rows, kv_heads, 2, 3), some(rows, kv_heads, 2, 4));
        cache.advance(2);
        const auto kv = cache.append(0, some(rows, kv_heads, 1, 5), some(rows, kv_heads, 1, 6));
        const at::Tensor q = some(rows, 2 * kv_heads * group, 1, 7).slice(1, 0, kv_heads * group);
        const auto all = [&](const at::Tensor& shared, const at::Tensor& own) {
          return at::cat({shared.repeat_interleave(beams, 0), own}, 2).to(at::kFloat);
        };
        const at::Tensor sees =
            at::cat({mask.repeat_interleave(beams, 0), at::full({rows, 3}, true, at::kBool)}, 1)
                .view({rows, 1, 1, -1});
        ASSERT_EQ(kernels::takes_attention_step(q, kv, cache), kernels::enabled());
        const at::Tensor out = kernels::attention_step(q, kv, cache);
        ASSERT_EQ(out.scalar_type(), dtype);
        ASSERT_TRUE(near(out,
                         attend(q.to(at::kFloat), all(kv.prompt_key, kv.tail_key),
                                all(kv.prompt_value, kv.tail_value), sees),
                         dtype == at::kFloat ? 1e-5 : 8e-3))
            << dtype << " " << width << " " << prompt;
      }
    }
  }
}

TEST_P(Kernels, attention_of_a_prompt_equals_softmax_attention) {
  if (!kernels::has_pair_products()) GTEST_SKIP() << "no instruction for products of pairs";
  uint64_t seed = 0;
  for (const int64_t width : {1, 2, 40, 64, 71, 72, 130}) {
    for (const int64_t length : {16, 25, 64, 150}) {
      for (const bool causal : {false, true}) {
        const int64_t batch = 2, kv_heads = 2, group = 3, keys = causal ? length : length / 2 + 1;
        const auto heads = [&](int64_t count, int64_t rows) {  // inside wider rows, as of a fused product
          return random({batch, rows, count + 1, width}, ++seed)
              .to(at::kBFloat16)
              .narrow(2, 0, count)
              .transpose(1, 2);
        };
        const at::Tensor q = heads(kv_heads * group, length), k = heads(kv_heads, keys),
                         v = heads(kv_heads, keys);
        ASSERT_EQ(kernels::takes_attention_prompt(q, k, v), kernels::enabled());
        const at::Tensor mask = at::ones({length, keys}, at::kBool).tril();
        const at::Tensor expected =
            attend(q.to(at::kFloat), k.to(at::kFloat), v.to(at::kFloat), causal ? mask : at::Tensor());
        ASSERT_TRUE(near(kernels::attention_prompt(q, k, v, causal), expected, 1e-2))
            << width << " " << length << " " << causal;
      }
    }
  }
}

TEST_P(Kernels, attention_of_a_prompt_with_large_scores_stays_finite) {
  if (!kernels::has_pair_products()) GTEST_SKIP() << "no instruction for products of pairs";
  const at::Tensor q = (random({1, 1, 40, 64}, 1) * 1e4).to(at::kBFloat16), v = random({1, 1, 40, 64}, 2);
  const at::Tensor out = kernels::attention_prompt(q, q, v.to(at::kBFloat16), true);
  EXPECT_TRUE(
      near(out, attend(q.to(at::kFloat), q.to(at::kFloat), v, at::ones({40, 40}, at::kBool).tril()), 1e-2));
}

TEST_P(Kernels, rotary_equals_the_operators_of_libtorch) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const int64_t width : {2, 6, 64, 78, 128}) {
      const at::Tensor x = random({2, 5, 4, width}, 1).to(dtype).narrow(2, 1, 3).transpose(1, 2);
      const at::Tensor positions = at::tensor({0, 1, 2, 7, 300, 5, 4, 3, 2, 1}, at::kLong).view({2, 5});
      const RotaryTable all = rotary_table(positions, width, 1e4);
      const RotaryTable table{all.cos.to(dtype), all.sin.to(dtype)};
      ASSERT_EQ(kernels::takes_rotary(x, table.cos, table.sin), kernels::enabled());
      const at::Tensor out = kernels::rotary(x, table.cos, table.sin);
      const at::AutoGradMode operators(true);  // which kernels do not take
      EXPECT_FALSE(kernels::takes_rotary(x, table.cos, table.sin));
      const double relative = dtype == at::kFloat ? 1e-6 : 8e-3;
      EXPECT_TRUE(at::allclose(out, apply_rotary(x, table), relative, relative)) << dtype << width;
    }
  }
}

TEST_P(Kernels, pointwise_ones_equal_the_operators_of_libtorch) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    // Another last bit of a bfloat16 before the second rounding is 2⁻⁸ of the value.
    const double relative = dtype == at::kFloat ? 2e-6 : 8e-3;
    for (const int64_t width : {1, 7, 64, 77, 576}) {
      const at::Tensor x = unaligned({3, width}, 1, dtype, 3) * 3, up = unaligned({3, width}, 2, dtype, 1),
                       weight = unaligned({width}, 3, dtype, 1);
      const at::Tensor x32 = x.to(at::kFloat);
      const at::Tensor normed = (x32 / (x32.square().mean(-1, true) + 1e-5).sqrt()).to(dtype) * weight;
      EXPECT_TRUE(at::allclose(kernels::rms_norm(x, weight, 1e-5), normed, relative, 1e-6)) << dtype << width;
      EXPECT_TRUE(at::allclose(kernels::silu_product(x, up), at::silu(x) * up, relative, 1e-6))
          << dtype << width;
      EXPECT_TRUE(at::allclose(kernels::gelu_tanh(x).to(at::kFloat), at::gelu(x32, "tanh"),
                               dtype == at::kFloat ? 1e-5 : 4e-3, 1e-6))
          << dtype << width;
      EXPECT_TRUE(at::allclose(kernels::quick_gelu(x), x * (x * 1.702).sigmoid(),
                               dtype == at::kFloat ? 1e-5 : 8e-3, 1e-6))
          << dtype << width;
    }
    const float infinity = std::numeric_limits<float>::infinity(), nan = std::nanf("");
    const at::Tensor extreme = at::tensor({0.0F, 1e4F, -1e4F, 3e38F, infinity, nan}, at::kFloat).to(dtype);
    const at::Tensor ones = at::ones_like(extreme);
    for (const at::Tensor& y :
         {kernels::gelu_tanh(extreme), kernels::quick_gelu(extreme), kernels::silu_product(extreme, ones)}) {
      EXPECT_TRUE(at::equal(y.slice(0, 3, 5), extreme.slice(0, 3, 5)));
      EXPECT_TRUE(at::allclose(y.slice(0, 0, 3), extreme.slice(0, 0, 3).clamp_min(0)));
      EXPECT_TRUE(y[5].isnan().item<bool>());
    }
    EXPECT_TRUE(kernels::rms_norm(extreme, ones, 1e-5).isnan().all().item<bool>());
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Kernels, testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& info) { return std::string(hwy::TargetName(info.param)); });

/// Both kinds of numbers, as far as this machine has the instructions of many_rows_product().
std::vector<at::ScalarType> dtypes_of_many_rows() {
  std::vector<at::ScalarType> dtypes;
  if (kernels::has_row_tiles(false)) dtypes.push_back(at::kFloat);
  if (kernels::has_row_tiles(true)) dtypes.push_back(at::kBFloat16);
  return dtypes;
}

TEST(ManyRows, equal_plain_loops_for_odd_sizes_and_unaligned_memory) {
  const at::NoGradGuard no_grad;
  uint64_t seed = 0;
  for (const at::ScalarType dtype : dtypes_of_many_rows()) {
    for (const int64_t in : {1, 3, 31, 64, 100, 2309}) {
      for (const int64_t out : {1, 12, 29}) {
        for (const int64_t rows : {1, 2, 3, 4, 5, 6, 33, 151}) {
          const int64_t offset = ++seed % 5;
          const at::Tensor x = unaligned({rows, in}, seed, dtype, offset),
                           w = unaligned({out, in}, seed + 1, dtype, (offset + 3) % 5),
                           b = seed % 2 ? unaligned({out}, seed + 2, dtype, 1) : at::Tensor();
          const at::Tensor y = kernels::many_rows_product(x, w, b), expected = few_rows_reference(x, w, b);
          ASSERT_EQ(y.scalar_type(), dtype);
          const double relative = dtype == at::kFloat ? 1e-5 : 8e-3;
          ASSERT_TRUE(at::allclose(y, expected, relative, 1e-5 * std::sqrt(static_cast<double>(in))))
              << dtype << " " << rows << " × " << in << " → " << out;
        }
      }
    }
  }
}

TEST(ManyRows, compute_a_row_alike_beside_others) {
  const at::NoGradGuard no_grad;
  for (const at::ScalarType dtype : dtypes_of_many_rows()) {
    for (const int64_t in : {700, 2309, 5001}) {  // with and without reading the weights in order
      const at::Tensor x = random({150, in}, 1).to(dtype), w = random({29, in}, 2).to(dtype);
      const at::Tensor together = kernels::many_rows_product(x, w, {});
      for (const int64_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 13, 145}) {
        const at::Tensor some = kernels::many_rows_product(x.narrow(0, 150 - rows, rows), w, {});
        EXPECT_TRUE(at::equal(some, together.narrow(0, 150 - rows, rows))) << rows << " × " << in;
      }
    }
  }
}

TEST(ManyRows, pass_on_nan_and_infinity) {
  const at::NoGradGuard no_grad;
  const float infinity = std::numeric_limits<float>::infinity();
  for (const at::ScalarType dtype : dtypes_of_many_rows()) {
    at::Tensor x = at::full({20, 70}, 1, dtype);
    x[0][69] = std::nanf("");
    x[1][0] = infinity;
    const at::Tensor y = kernels::many_rows_product(x, at::full({13, 70}, 2, dtype), {}).to(at::kFloat);
    EXPECT_TRUE(y[0].isnan().all().item<bool>());
    EXPECT_TRUE(y[1].eq(infinity).all().item<bool>());
    EXPECT_TRUE(y.narrow(0, 2, 18).eq(140).all().item<bool>());
  }
}

TEST(ManyRows, are_taken_if_they_are_not_too_many) {
  const at::NoGradGuard no_grad;
  for (const at::ScalarType dtype : dtypes_of_many_rows()) {
    const at::Tensor w = random({8, 6}, 1).to(dtype), x = random({2, 20, 6}, 2).to(dtype);
    EXPECT_EQ(kernels::takes_many_rows(x, w, {}), kernels::enabled());
    EXPECT_FALSE(kernels::takes_many_rows(x, w.to(at::kDouble), {}));
    EXPECT_EQ(kernels::takes_many_rows(random({1, 6}, 2).to(dtype), w, {}),
              dtype == at::kFloat && kernels::enabled());
    const bool with_many = kernels::takes_many_rows(random({1000, 6}, 2).to(dtype), w, {});
    EXPECT_EQ(with_many, dtype == at::kFloat && kernels::enabled());
  }
}

TEST(TakesFewRows, only_plain_tensors_in_memory_without_gradients) {
  const at::Tensor w = random({8, 6}, 1), x = random({2, 6}, 2);
  EXPECT_FALSE(takes_few_rows(x, w, {}));  // gradients are recorded
  const at::NoGradGuard no_grad;
  EXPECT_EQ(takes_few_rows(x, w, {}), kernels::enabled());
  EXPECT_EQ(takes_few_rows(x[0], w, random({8}, 3)), kernels::enabled());
  EXPECT_FALSE(takes_few_rows(random({64, 6}, 2), w, {}));
  EXPECT_FALSE(takes_few_rows(random({6, 2}, 2).t(), w, {}));
  EXPECT_FALSE(takes_few_rows(x, random({6, 8}, 1).t(), {}));
  EXPECT_FALSE(takes_few_rows(x.to(at::kDouble), w.to(at::kDouble), {}));
  EXPECT_FALSE(takes_few_rows(x.to(at::kBFloat16), w, {}));
  EXPECT_FALSE(takes_few_rows(x.to(at::kMeta), w.to(at::kMeta), {}));
  EXPECT_FALSE(takes_few_rows(at::empty({0, 6}), w, {}));
}

TEST(TakesFewRows, strided_inputs_give_the_same_product) {
  WeightStore store;
  const WeightScope scope(store, "m");
  const Linear linear(scope, "dense", 70, 13);
  uint64_t seed = 7;
  for (const auto& slot : store.slots()) slot->tensor = random(slot->shape, ++seed);
  const at::NoGradGuard no_grad;
  const at::Tensor wide = random({3, 140}, 1), strided = wide.slice(1, 0, 140, 2);
  EXPECT_TRUE(near(linear(strided), linear(strided.contiguous())));
}

}  // namespace
}  // namespace flam
