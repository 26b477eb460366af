#include "framework/nn/attention.h"

#include <ATen/core/grad_mode.h>

#include "framework/device/meta_kernels.h"
#include "framework/nn/flops.h"
#include "framework/testing/near.h"

namespace flam {
namespace {

/// Softmax attention written out in float64; a row that may attend to nothing gives the mean.
at::Tensor reference(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask) {
  at::Tensor scores =
      at::matmul(q.to(at::kDouble), k.to(at::kDouble).transpose(-2, -1)) / std::sqrt(double(q.size(-1)));
  if (mask.defined()) scores = scores.masked_fill(mask.logical_not(), -1e300);
  return at::matmul(scores.softmax(-1), v.to(at::kDouble));
}

at::Tensor some_mask(int64_t batch, int64_t rows, int64_t keys) {
  at::Tensor mask = random({batch, 1, rows, keys}, 9) > 0;
  mask.select(2, 0).fill_(true);
  mask.select(2, 1).fill_(false);
  return mask;
}

TEST(Attend, equals_softmax_attention_and_averages_rows_that_see_nothing) {
  const at::Tensor q = random({2, 3, 5, 8}, 1), k = random({2, 3, 7, 8}, 2), v = random({2, 3, 7, 8}, 3);
  EXPECT_TRUE(near(attend(q, k, v, {}), reference(q, k, v, {})));
  const at::Tensor mask = some_mask(2, 5, 7), out = attend(q, k, v, mask);
  EXPECT_TRUE(near(out, reference(q, k, v, mask)));
  EXPECT_TRUE(near(out.select(2, 1), v.mean(2)));
}

TEST(Attend, causal_masks_hide_later_keys) {
  const at::Tensor q = random({2, 4, 5, 8}, 1), k = random({2, 2, 5, 8}, 2), v = random({2, 2, 5, 8}, 3);
  at::Tensor mask = at::ones({5, 5}, at::kBool).tril().expand({2, 1, 5, 5}).clone();
  const auto expected = [&] { return at::matmul(attention_weights(q, k, mask), v.repeat_interleave(2, 1)); };
  EXPECT_TRUE(near(attend(q, k, v, mask), expected()));
  mask[1][0][0][4] = true;  // as within a span of media
  EXPECT_TRUE(near(attend(q, k, v, mask), expected()));
  mask = mask.narrow(2, 0, 3);  // fewer queries than keys
  EXPECT_TRUE(near(attend(q.narrow(2, 0, 3), k, v, mask),
                   at::matmul(attention_weights(q.narrow(2, 0, 3), k, mask), v.repeat_interleave(2, 1))));
}

TEST(Attend, weights_can_be_computed_separately) {
  const at::Tensor q = random({2, 6, 5, 8}, 1), k = random({2, 2, 7, 8}, 2), v = random({2, 2, 7, 8}, 3);
  const at::Tensor mask = some_mask(2, 5, 7), wide_v = v.repeat_interleave(3, 1);
  EXPECT_TRUE(near(at::matmul(attention_weights(q, k, mask), wide_v), attend(q, k, v, mask)));
  EXPECT_TRUE(near(at::matmul(attention_weights(q, k, {}), wide_v), attend(q, k, v, {})));
}

TEST(Attend, masks_work_in_half_precision) {
  const at::Tensor q = random({2, 2, 4, 16}, 1), k = random({2, 2, 6, 16}, 2), v = random({2, 2, 6, 16}, 3);
  const at::Tensor mask = some_mask(2, 4, 6), expected = reference(q, k, v, mask);
  for (const at::ScalarType type : {at::kBFloat16, at::kHalf}) {
    const at::Tensor out = attend(q.to(type), k.to(type), v.to(type), mask);
    EXPECT_EQ(out.scalar_type(), type);
    EXPECT_TRUE(near(out, expected, 2e-2)) << type;
  }
}

TEST(Attend, groups_of_query_heads_share_keys) {
  const at::Tensor q = random({2, 6, 5, 8}, 1), k = random({2, 2, 7, 8}, 2), v = random({2, 2, 7, 8}, 3);
  EXPECT_TRUE(
      near(attend(q, k, v, {}), reference(q, k.repeat_interleave(3, 1), v.repeat_interleave(3, 1), {})));
}

TEST(Attend, gives_gradients) {
  const at::Tensor mask = some_mask(1, 3, 4);
  at::Tensor q = random({1, 2, 3, 4}, 1).requires_grad_(), k = random({1, 2, 4, 4}, 2).requires_grad_();
  at::Tensor v = random({1, 2, 4, 4}, 3).requires_grad_();
  attend(q, k, v, mask).square().sum().backward();
  at::Tensor q2 = q.detach().clone().requires_grad_(), k2 = k.detach().clone().requires_grad_();
  at::Tensor v2 = v.detach().clone().requires_grad_();
  reference(q2, k2, v2, mask).square().sum().backward();
  EXPECT_TRUE(near(k.grad(), k2.grad()));
  EXPECT_TRUE(near(v.grad(), v2.grad()));
  EXPECT_TRUE(near(q.grad(), q2.grad()));
}

TEST(Attend, on_meta_gives_the_shape_and_counts_the_same_operations) {
  register_meta_kernels();
  const at::Tensor q = random({2, 3, 5, 8}, 1), k = random({2, 3, 7, 8}, 2);
  FlopScope real;
  attend(q, k, k, {});
  {
    FlopScope meta;
    EXPECT_EQ(attend(q.to("meta"), k.to("meta"), k.to("meta"), {}).sizes(), q.sizes());
    EXPECT_EQ(meta.flops(), 2 * 2 * 2 * 3 * 5 * 7 * 8);
    EXPECT_EQ(real.flops(), 2 * meta.flops());
  }
}

TEST(Heads, merging_undoes_splitting) {
  const at::Tensor x = random({2, 5, 12}, 1);
  EXPECT_EQ(split_heads(x, 3).sizes(), at::IntArrayRef({2, 3, 5, 4}));
  EXPECT_TRUE(at::equal(split_heads(x, 3).select(1, 1).select(1, 2), x.select(1, 2).narrow(1, 4, 4)));
  EXPECT_TRUE(at::equal(merge_heads(split_heads(x, 3)), x));
}

TEST(AttentionMask, SaysWhatIsKnownOfAMask) {
  EXPECT_FALSE(AttentionMask().allowed.defined());
  EXPECT_FALSE(AttentionMask(at::Tensor()).causal);
  const AttentionMask causal(at::ones({4, 4}, at::kBool).tril());
  EXPECT_TRUE(causal.causal);
  EXPECT_FALSE(causal.blind.defined());
  at::Tensor some = at::ones({2, 1, 3, 4}, at::kBool);
  some[0][0][1].narrow(0, 1, 2).fill_(false);
  EXPECT_FALSE(AttentionMask(some).causal);
  EXPECT_FALSE(AttentionMask(some).blind.defined());
  some[1][0][2].fill_(false);
  const AttentionMask mask(some);
  ASSERT_TRUE(mask.blind.defined());
  EXPECT_EQ(mask.blind.sizes(), at::IntArrayRef({2, 1, 3, 1}));
  EXPECT_EQ(mask.blind.sum().item<int64_t>(), 1);
  EXPECT_TRUE(mask.allowed[1][0][2].all().item<bool>());
  EXPECT_TRUE(AttentionMask(some.to("meta")).blind.is_meta());
}

}  // namespace
}  // namespace flam
