#include <ATen/core/grad_mode.h>

#include "framework/component/adapter.h"
#include "framework/model/visibility.h"
#include "tests/support/component.h"

namespace flam {
namespace {

constexpr int64_t kImages = 3, kTokens = 2, kWidth = 5, kHidden = 6;
const AdapterInput kInput{{kTokens, kWidth}, kHidden, 7};

std::string config(const std::string& more = "") {
  return "{type: gated_cross_attention, cross_attn_every_n_layers: 2, num_heads: 2, dim_head: 4" + more + "}";
}

Visibility place(const std::vector<int64_t>& times, MediaCount media = {kImages, kTokens},
                 bool sees_earlier = false) {
  MaskingRule rule;
  rule.sees_earlier = sees_earlier;
  return visibility_of(rule, at::tensor(times, at::kLong).view({1, std::ssize(times)}), media);
}

TEST(GatedCrossAttention, acts_before_every_nth_layer) {
  Built<Adapter> adapter(config(), kInput);
  EXPECT_EQ(adapter->layers(), (std::vector<int64_t>{1, 3, 5}));
  EXPECT_TRUE(adapter.store.find("adapter.layers.5.attn.to_kv.weight"));
  EXPECT_FALSE(adapter.store.find("adapter.layers.4.attn_gate"));
}

TEST(GatedCrossAttention, the_published_layers_have_their_size) {
  Built<Adapter> adapter("{type: gated_cross_attention}", AdapterInput{{64, 1024}, 4096, 32});
  EXPECT_EQ(adapter->layers(), (std::vector<int64_t>{3, 7, 11, 15, 19, 23, 27, 31}));
  EXPECT_EQ(adapter.store.parameter_count(), 8 * 139476994);
}

TEST(GatedCrossAttention, states_its_masking_rule) {
  const MaskingRule v1 =
      Built<Adapter>(config(", text_sees: next, cached_tokens_see: nothing"), kInput)->masking_rule();
  EXPECT_EQ(v1.text_sees, MaskingRule::TextSees::next);
  EXPECT_EQ(v1.cached_tokens_see, MaskingRule::CachedTokensSee::nothing);
  const MaskingRule own = Built<Adapter>(config(), kInput)->masking_rule();
  EXPECT_EQ(own.text_sees, MaskingRule::TextSees::last);
  EXPECT_EQ(own.cached_tokens_see, MaskingRule::CachedTokensSee::last);
  EXPECT_FALSE(own.sees_earlier);
  EXPECT_TRUE(
      Built<Adapter>(config(", only_attend_immediate_media: false"), kInput)->masking_rule().sees_earlier);
}

TEST(GatedCrossAttention, closed_gates_change_nothing) {
  Built<Adapter> adapter(config(), kInput);
  adapter.store.initialise(at::kCPU, at::kFloat, 1);
  const auto state = adapter->prepare(random({1, kImages, kTokens, kWidth}, 1));
  const at::Tensor hidden = random({1, 4, kHidden}, 2);
  EXPECT_TRUE(at::equal(adapter->before_layer(1, hidden, place({0, 1, 2, 3}), *state), hidden));
}

/// before_layer(3) of a filled adapter.
class Filled : public ::testing::Test {
 protected:
  Filled() : Filled("") {}
  explicit Filled(const std::string& more) : adapter(config(more), kInput) {
    adapter.fill_randomly();
    state = adapter->prepare(media);
  }
  at::Tensor run(const at::Tensor& hidden, const Visibility& visibility, const AdapterState& s) {
    return adapter->before_layer(3, hidden, visibility, s);
  }

  Built<Adapter> adapter;
  at::Tensor media = random({1, kImages, kTokens, kWidth}, 1), hidden = random({1, 5, kHidden}, 2);
  std::unique_ptr<AdapterState> state;
};

TEST_F(Filled, a_token_sees_only_its_image) {
  const at::Tensor all = run(hidden, place({1, 2, 3, 2, 1}), *state);
  for (const int64_t image : {1, 2, 3}) {
    const auto alone = adapter->prepare(media.narrow(1, image - 1, 1));
    const at::Tensor expected = run(hidden, place({1, 1, 1, 1, 1}, {1, kTokens}), *alone);
    EXPECT_TRUE(near(all.select(1, image - 1), expected.select(1, image - 1))) << image;
  }
}

TEST_F(Filled, records_each_tokens_attention_with_a_probe) {
  AttentionProbe probe;
  Visibility visibility = place({0, 1, 2, 3, 9});
  visibility.probe = &probe;
  run(hidden, visibility, *state);
  const at::Tensor weights = probe.weights.at("adapter_attention3");
  ASSERT_EQ(weights.sizes(), at::IntArrayRef({1, 2, 5, kImages * kTokens}));
  for (int64_t token = 1; token <= kImages; ++token) {
    const at::Tensor own = weights.select(2, token).narrow(-1, (token - 1) * kTokens, kTokens);
    EXPECT_TRUE(near(own.sum(-1), at::ones({1, 2})));
  }
  EXPECT_EQ(weights.select(2, 0).abs().sum().item().toDouble(), 0);  // it sees nothing
  EXPECT_TRUE(near(weights.select(2, 4), at::full({1, 2, kImages * kTokens}, 1.0 / (kImages * kTokens))));
}

TEST_F(Filled, with_text_time_0_only_the_feed_forward_acts) {
  const at::Tensor nothing = run(hidden, place({0, 0, 0, 0, 0}), *state);
  Visibility known = place({0, 0, 0, 0, 0});
  known.sees_nothing = true;
  EXPECT_TRUE(at::equal(run(hidden, known, *state), nothing));
  EXPECT_TRUE(at::equal(run(hidden, place({1, 1, 1, 1, 1}), *adapter->prepare({})), nothing));
  const at::Tensor mixed = run(hidden, place({0, 1, 0, 2, 0}), *state);
  EXPECT_TRUE(near(mixed.select(1, 2), nothing.select(1, 2)));
  EXPECT_FALSE(near(mixed.select(1, 3), nothing.select(1, 3)));
  EXPECT_FALSE(near(nothing, hidden));
}

TEST_F(Filled, a_missing_image_averages_over_all_images) {
  const at::Tensor out = run(hidden, place({4, 4, 4, 4, 4}), *state);
  // One media token whose value is the mean gives the same result.
  const at::Tensor mean = media.flatten(1, 2).mean(1, true).view({1, 1, 1, kWidth});
  EXPECT_TRUE(near(out, run(hidden, place({1, 1, 1, 1, 1}, {1, 1}), *adapter->prepare(mean))));
}

TEST_F(Filled, beams_share_keys_and_equal_separate_rows) {
  const at::Tensor two = random({2, kImages, kTokens, kWidth}, 3), rows = random({6, 4, kHidden}, 4);
  const Visibility visibility =
      visibility_of({}, at::tensor({1, 2, 3, 0}, at::kLong).expand({6, 4}).contiguous(), {kImages, kTokens});
  const at::Tensor shared = run(rows, visibility, *adapter->prepare(two));
  EXPECT_TRUE(near(shared, run(rows, visibility, *adapter->prepare(two.repeat_interleave(3, 0)))));
}

TEST_F(Filled, joined_media_equal_those_prepared_together) {
  const at::Tensor own = random({2, 1, kTokens, kWidth}, 3), rows = random({4, 5, kHidden}, 4);
  const at::Tensor times = at::tensor({0, 1, 2, 3, 4}, at::kLong).expand({4, 5}).contiguous();
  const Visibility visibility = visibility_of({}, times, {kImages + 1, kTokens}),
                   before = visibility_of({}, times, {kImages, kTokens});
  const auto joined = adapter->join(*state, *adapter->prepare(own));
  const at::Tensor all = at::cat({media.expand({2, -1, -1, -1}), own}, 1);
  EXPECT_TRUE(near(run(rows, visibility, *joined), run(rows, visibility, *adapter->prepare(all))));
  const auto nothing = adapter->prepare({});
  EXPECT_TRUE(near(run(rows, before, *adapter->join(*state, *nothing)), run(rows, before, *state)));
  EXPECT_TRUE(near(run(hidden, place({0, 1, 2, 3, 0}), *adapter->join(*nothing, *state)),
                   run(hidden, place({0, 1, 2, 3, 0}), *state)));
}

TEST_F(Filled, gradients_reach_every_weight_and_no_grad_gives_the_same) {
  adapter.want_gradients();
  const auto fresh = adapter->prepare(media);
  at::Tensor x = hidden;
  for (const int64_t layer : adapter->layers())
    x = adapter->before_layer(layer, x, place({0, 1, 2, 3, 4}), *fresh);
  x.square().sum().backward();
  adapter.expect_gradients();
  const at::NoGradGuard no_grad;
  const at::Tensor kept = hidden.clone();
  at::Tensor y = hidden;
  for (const int64_t layer : adapter->layers())
    y = adapter->before_layer(layer, y, place({0, 1, 2, 3, 4}), *state);
  EXPECT_TRUE(near(y, x));
  EXPECT_TRUE(at::equal(hidden, kept));
}

class SeesAllBefore : public Filled {
 protected:
  SeesAllBefore() : Filled(", only_attend_immediate_media: false") {}
};

TEST_F(SeesAllBefore, a_token_sees_the_images_up_to_its_own) {
  const at::Tensor all = run(hidden, place({0, 1, 2, 3, 3}, {kImages, kTokens}, true), *state);
  for (const int64_t count : {1, 2, 3}) {
    const auto first = adapter->prepare(media.narrow(1, 0, count));
    const at::Tensor expected =
        run(hidden, place({count, count, count, count, count}, {count, kTokens}, true), *first);
    EXPECT_TRUE(near(all.select(1, count), expected.select(1, count))) << count;
  }
  EXPECT_TRUE(near(all.select(1, 0), run(hidden, place({0, 0, 0, 0, 0}), *state).select(1, 0)));
}

TEST(GatedCrossAttention, runs_on_meta) {
  Built<Adapter> adapter(config(), kInput);
  const auto state = adapter->prepare(at::empty({1, kImages, kTokens, kWidth}, at::kMeta));
  const Visibility visibility = visibility_of(
      {}, at::empty({1, 4}, at::TensorOptions().device(at::kMeta).dtype(at::kLong)), {kImages, kTokens});
  const at::Tensor hidden = at::empty({1, 4, kHidden}, at::kMeta);
  EXPECT_EQ(adapter->before_layer(1, hidden, visibility, *state).sizes(), hidden.sizes());
}

}  // namespace
}  // namespace flam
