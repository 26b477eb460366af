// Compares the blocks that plugins share with the same mathematics written out.
#include <ATen/core/grad_mode.h>

#include "framework/base/error.h"
#include "framework/nn/flops.h"
#include "framework/nn/latent_attention.h"
#include "framework/nn/vit_encoder.h"
#include "framework/testing/near.h"

namespace flam {
namespace {

void fill_randomly(WeightStore& store) {
  uint64_t seed = 5;
  for (const auto& slot : store.slots()) slot->tensor = random(slot->shape, ++seed) * 0.5;
}

at::Tensor softmax_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return at::matmul((at::matmul(q, k.transpose(-2, -1)) / std::sqrt(double(q.size(-1)))).softmax(-1), v);
}

TEST(VitEncoder, is_pre_norm_attention_and_feed_forward) {
  WeightStore store;
  const VitEncoder encoder(WeightScope(store, "v"), {2, 8, 2, 12, Activation::quick_gelu, 1e-5});
  fill_randomly(store);
  const auto w = [&](const std::string& name) { return store.find("v.layers." + name)->tensor; };
  const at::Tensor x = random({3, 5, 8}, 1);

  at::Tensor expected = x;
  for (const std::string i : {"0.", "1."}) {
    const auto norm = [&](const std::string& name) {
      return at::layer_norm(expected, {8}, w(i + name + ".weight"), w(i + name + ".bias"));
    };
    const auto linear = [&](const at::Tensor& in, const std::string& name) {
      return at::matmul(in, w(i + name + ".weight").t()) + w(i + name + ".bias");
    };
    const at::Tensor qkv = linear(norm("ln1"), "attn.qkv");
    std::vector<at::Tensor> heads;
    for (int64_t h = 0; h < 2; ++h) {
      heads.push_back(softmax_attention(qkv.narrow(2, 4 * h, 4), qkv.narrow(2, 8 + 4 * h, 4),
                                        qkv.narrow(2, 16 + 4 * h, 4)));
    }
    expected = expected + linear(at::cat(heads, 2), "attn.proj");
    const at::Tensor inner = linear(norm("ln2"), "mlp.fc1");
    expected = expected + linear(inner * (1.702 * inner).sigmoid(), "mlp.fc2");
  }
  EXPECT_TRUE(near(encoder(x), expected));
  const at::NoGradGuard no_grad;
  const at::Tensor kept = x.clone();
  EXPECT_TRUE(near(encoder(x), expected));
  EXPECT_TRUE(at::equal(x, kept));
}

TEST(VitEncoder, runs_on_meta_and_gives_gradients) {
  WeightStore store;
  const VitEncoder encoder(WeightScope(store, "v"), {1, 8, 2, 12, Activation::gelu, 1e-5});
  FlopScope flops;
  EXPECT_EQ(encoder(at::empty({3, 5, 8}, at::kMeta)).sizes(), at::IntArrayRef({3, 5, 8}));
  EXPECT_EQ(flops.flops(), 2 * 3 * 5 * 8 * (24 + 8 + 12 + 12) + 4 * 3 * 5 * 5 * 8);
  fill_randomly(store);
  for (const auto& slot : store.slots()) slot->tensor.requires_grad_();
  encoder(random({3, 5, 8}, 1)).square().sum().backward();
  for (const auto& slot : store.slots()) {
    ASSERT_TRUE(slot->tensor.grad().defined()) << slot->name;
    EXPECT_GT(slot->tensor.grad().abs().max().item<float>(), 0) << slot->name;
  }
}

TEST(VitEncoder, refuses_heads_that_do_not_divide_the_width) {
  WeightStore store;
  EXPECT_THROW(VitEncoder(WeightScope(store, "v"), {1, 10, 4, 12, Activation::gelu, 1e-5}), Error);
}

TEST(LatentAttention, equals_attention_written_out_and_beams_share_keys) {
  WeightStore store;
  const LatentAttention attention(WeightScope(store, "a"), 6, 10, 2, 4);
  fill_randomly(store);
  const auto w = [&](const std::string& name) { return store.find("a." + name + ".weight")->tensor; };
  const at::Tensor queries = random({6, 3, 6}, 1), media = random({2, 5, 10}, 2),
                   own_media = media.repeat_interleave(3, 0);
  const at::Tensor q = at::matmul(queries, w("to_q").t()), kv = at::matmul(own_media, w("to_kv").t());
  std::vector<at::Tensor> heads;
  for (int64_t h = 0; h < 2; ++h) {
    heads.push_back(
        softmax_attention(q.narrow(2, 4 * h, 4), kv.narrow(2, 4 * h, 4), kv.narrow(2, 8 + 4 * h, 4)));
  }
  const at::Tensor expected = at::matmul(at::cat(heads, 2), w("to_out").t());
  EXPECT_TRUE(near(attention(queries, attention.keys_and_values(media)), expected));
  EXPECT_TRUE(near(attention(queries, attention.keys_and_values(own_media)), expected));

  const at::Tensor mask = random({6, 3, 5}, 3) > 0;
  EXPECT_TRUE(near(attention(queries, attention.keys_and_values(media), mask),
                   attention(queries, attention.keys_and_values(own_media), mask)));
}

TEST(LatentFeedForward, is_norm_up_gelu_down) {
  WeightStore store;
  const LatentFeedForward feed_forward(WeightScope(store, "f"), 6, 4);
  fill_randomly(store);
  const auto w = [&](const std::string& name) { return store.find("f." + name)->tensor; };
  const at::Tensor x = random({2, 3, 6}, 1);
  const at::Tensor inner = at::matmul(at::layer_norm(x, {6}, w("0.weight"), w("0.bias")), w("1.weight").t());
  EXPECT_TRUE(near(feed_forward(x),
                   at::matmul(inner * 0.5 * (1 + (inner / std::sqrt(2.0)).erf()), w("3.weight").t())));
  EXPECT_EQ(inner.size(2), 24);
}

}  // namespace
}  // namespace flam
