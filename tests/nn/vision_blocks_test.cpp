// Compares the blocks of vision backbones with the same mathematics written out.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "framework/base/error.h"
#include "framework/nn/conv_norm.h"
#include "framework/nn/flops.h"
#include "framework/nn/patch_embedding.h"
#include "framework/nn/position_grid.h"
#include "framework/nn/vit_encoder.h"
#include "framework/testing/near.h"

namespace flam {
namespace {

void fill_randomly(WeightStore& store) {
  uint64_t seed = 5;
  for (const auto& slot : store.slots()) {
    slot->tensor = random(slot->shape, ++seed) * 0.5;
    if (slot->statistic) slot->tensor = slot->tensor.abs() + 0.5;
  }
}

TEST(ConvNorm, is_a_convolution_and_a_batch_norm) {
  WeightStore store;
  const ConvNorm conv(WeightScope(store, "c"), "conv", {4, 6, 3, 2, 2}, 1e-3);
  EXPECT_EQ(store.parameter_count(), 6 * 2 * 9 + 2 * 6);
  fill_randomly(store);
  const auto w = [&](const std::string& name) { return store.find("c.conv." + name)->tensor; };
  const at::Tensor x = random({2, 4, 7, 8}, 1);
  const at::Tensor expected =
      at::batch_norm(at::conv2d(x, w("weight"), {}, 2, at::IntArrayRef{1, 1}, 1, 2), w("norm.weight"),
                     w("norm.bias"), w("norm.running_mean"), w("norm.running_var"), false, 0, 1e-3, false);
  FlopScope flops;
  EXPECT_TRUE(near(conv(x), expected));
  EXPECT_EQ(flops.flops(), 2 * expected.numel() * 2 * 9);
  EXPECT_EQ(conv(at::empty({2, 4, 7, 8}, at::kMeta)).sizes(), expected.sizes());
}

TEST(ConvNorm, same_padding_puts_the_odd_zero_to_the_right_and_bottom) {
  for (const int64_t side : {6, 7}) {
    for (const int64_t kernel : {1, 3, 5}) {
      for (const int64_t stride : {1, 2, 3}) {
        WeightStore store;
        const ConvShape shape{1, 1, kernel, stride, 1, ConvShape::Padding::same};
        const ConvNorm conv(WeightScope(store, "c"), "conv", shape);
        fill_randomly(store);
        store.find("c.conv.norm.running_mean")->tensor.zero_();
        store.find("c.conv.norm.running_var")->tensor.fill_(1 - 1e-5);
        store.find("c.conv.norm.weight")->tensor.fill_(1);
        store.find("c.conv.norm.bias")->tensor.zero_();
        const at::Tensor x = random({1, 1, side, side}, 1);
        // TensorFlow: ⌈side / stride⌉ places; the padding is split in two, the smaller half first.
        const int64_t places = (side + stride - 1) / stride;
        const int64_t zeros = std::max<int64_t>(0, (places - 1) * stride + kernel - side);
        const at::Tensor padded =
            at::constant_pad_nd(x, {zeros / 2, zeros - zeros / 2, zeros / 2, zeros - zeros / 2});
        EXPECT_TRUE(near(conv(x), at::conv2d(padded, store.find("c.conv.weight")->tensor, {}, stride)))
            << side << " " << kernel << " " << stride;
        EXPECT_EQ(shape.output_side(side), places);
      }
    }
  }
}

TEST(ConvNorm, gradients_reach_convolution_and_norm) {
  WeightStore store;
  const ConvNorm conv(WeightScope(store, "c"), "conv", {2, 3, 3});
  fill_randomly(store);
  for (const auto& slot : store.slots()) slot->tensor.set_requires_grad(!slot->statistic);
  conv(random({2, 2, 5, 5}, 1)).square().sum().backward();
  for (const auto& slot : store.slots()) {
    if (slot->statistic) continue;
    ASSERT_TRUE(slot->tensor.grad().defined()) << slot->name;
    EXPECT_GT(slot->tensor.grad().abs().max().item<float>(), 0) << slot->name;
  }
}

TEST(PatchEmbedding, is_a_convolution_that_ignores_pixels_beyond_the_last_patch) {
  WeightStore store;
  const PatchEmbedding patches(WeightScope(store, "p"), "patch", 6, 4, true);
  fill_randomly(store);
  const at::Tensor pixels = random({2, 3, 9, 14}, 1);
  const at::Tensor expected =
      at::conv2d(pixels, store.find("p.patch.weight")->tensor, store.find("p.patch.bias")->tensor, 4);
  FlopScope flops;
  EXPECT_TRUE(near(patches(pixels), expected.flatten(2).transpose(1, 2)));
  EXPECT_EQ(flops.flops(), 2 * 2 * 6 * 48 * 6);
}

TEST(PositionGrid, keeps_prefix_rows_and_resizes_the_others) {
  WeightStore store;
  const PositionGrid same(WeightScope(store, "a"), "pos", {6, 1, 3, 3});
  const PositionGrid more(WeightScope(store, "b"), "pos", {6, 1, 3, 5});
  const PositionGrid fewer(WeightScope(store, "c"), "pos",
                           {6, 0, 3, 2, PositionGrid::Interpolation::antialiased});
  EXPECT_EQ(more().sizes(), at::IntArrayRef({26, 6}));  // works on meta too
  EXPECT_EQ(fewer().sizes(), at::IntArrayRef({4, 6}));
  fill_randomly(store);
  const auto table = [&](const char* name) { return store.find(name)->tensor; };
  EXPECT_TRUE(at::equal(same(), table("a.pos")));

  EXPECT_TRUE(at::equal(more()[0], table("b.pos")[0]));
  const at::Tensor grid = table("b.pos").narrow(0, 1, 9).view({1, 3, 3, 6}).permute({0, 3, 1, 2});
  const at::Tensor resized = at::upsample_bicubic2d(grid.contiguous(), at::IntArrayRef({5, 5}), false);
  EXPECT_TRUE(near(more().narrow(0, 1, 25), resized.permute({0, 2, 3, 1}).reshape({25, 6})));

  table("c.pos").fill_(0.25);  // a filter's weights add up to 1
  EXPECT_TRUE(near(fewer(), at::full({4, 6}, 0.25)));
}

/// A grid whose embedding number i is the number i.
PositionGrid numbered(WeightStore& store, int64_t stored_side, int64_t side) {
  PositionGrid grid(WeightScope(store, "g"), "pos",
                    {1, 0, stored_side, side, PositionGrid::Interpolation::buckets});
  store.find("g.pos")->tensor = at::arange(stored_side * stored_side, at::kFloat).unsqueeze(1);
  return grid;
}

TEST(PositionGrid, buckets_are_those_of_idefics3) {
  const char* named = std::getenv("FLAM_GOLDEN_DIR");
  const auto file = std::filesystem::path(named ? named : FLAM_SOURCE_DIR "/tests/golden") / "smolvlm_tiny" /
                    "buckets.json";
  const nlohmann::json golden = nlohmann::json::parse(std::ifstream(file));
  // At these sides, the reference's result depends on the width of the processor's vectors.
  std::set<int64_t> ambiguous;
  for (const auto& row : golden.at("differs_from_floor_i_side_over_valid"))
    ambiguous.insert(row.at(0).get<int64_t>());
  int compared = 0;
  for (const auto& row : golden.at("table")) {
    const int64_t stored_side = row.at(0), shown = row.at(1);
    const std::vector<int64_t> expected = row.at(2);
    WeightStore store;
    const at::Tensor ids = numbered(store, stored_side, shown)().view({shown, shown}).to(at::kLong);
    const at::Tensor buckets = at::tensor(expected, at::kLong);
    const int64_t differences = ids.ne(buckets.unsqueeze(1) * stored_side + buckets).sum().item<int64_t>();
    if (ambiguous.contains(stored_side)) continue;
    EXPECT_EQ(differences, 0) << stored_side << " " << shown;
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

TEST(PositionGrid, buckets_follow_the_patch_mask) {
  WeightStore store;
  PositionGrid on_meta(WeightScope(store, "m"), "pos", {6, 0, 3, 5, PositionGrid::Interpolation::buckets});
  EXPECT_EQ(on_meta().sizes(), at::IntArrayRef({25, 6}));
  const PositionGrid grid = numbered(store, 4, 4);
  at::Tensor mask = at::zeros({3, 4, 4}, at::kBool);
  mask[0].fill_(true);
  mask[1].narrow(0, 0, 3).narrow(1, 0, 2).fill_(true);  // three rows, two columns; the third picture is empty
  const at::Tensor ids = grid(mask).view({3, 4, 4});
  EXPECT_TRUE(ids[0].flatten().equal(at::arange(16, at::kFloat)));
  const float second[] = {0, 2, 0, 0, 4, 6, 0, 0, 8, 10, 0, 0, 0, 0, 0, 0};
  EXPECT_TRUE(ids[1].flatten().equal(at::tensor(at::ArrayRef<float>(second))));
  EXPECT_EQ(ids[2].count_nonzero().item<int64_t>(), 0);
}

TEST(VitEncoder, no_token_attends_to_masked_ones) {
  WeightStore store;
  const VitEncoder encoder(WeightScope(store, "v"), {2, 8, 2, 12});
  fill_randomly(store);
  const at::Tensor x = random({2, 5, 8}, 1);
  at::Tensor mask = at::ones({2, 5}, at::kBool);
  mask[1].narrow(0, 3, 2).fill_(false);
  const at::Tensor out = encoder(x, mask);
  EXPECT_TRUE(near(out[0], encoder(x)[0]));
  EXPECT_TRUE(near(out[1].narrow(0, 0, 3), encoder(x.narrow(0, 1, 1).narrow(1, 0, 3))[0]));
  EXPECT_TRUE(encoder(x, at::zeros({2, 5}, at::kBool)).isfinite().all().item<bool>());
}

TEST(VitEncoder, scales_its_branches_and_gates_its_feed_forward) {
  WeightStore store;
  VitEncoderShape shape{1, 8, 2, 12};
  shape.layer_scale = shape.swiglu = true;
  const VitEncoder encoder(WeightScope(store, "v"), shape);
  fill_randomly(store);
  const auto w = [&](const std::string& name) { return store.find("v.layers.0." + name)->tensor; };
  const at::Tensor x = random({2, 5, 8}, 1);
  w("ls1").zero_();  // removes the attention, so that only the feed-forward is left
  const at::Tensor normed = at::layer_norm(x, {8}, w("ln2.weight"), w("ln2.bias"));
  const at::Tensor both = at::matmul(normed, w("mlp.fc1.weight").t()) + w("mlp.fc1.bias");
  const at::Tensor gate = both.narrow(2, 0, 12), up = both.narrow(2, 12, 12);
  const at::Tensor inner = gate * gate.sigmoid() * up;
  EXPECT_TRUE(
      near(encoder(x), x + w("ls2") * (at::matmul(inner, w("mlp.fc2.weight").t()) + w("mlp.fc2.bias"))));
  w("ls2").zero_();
  EXPECT_TRUE(near(encoder(x), x));
  w("ls1").fill_(1);
  EXPECT_FALSE(near(encoder(x), x));
}

}  // namespace
}  // namespace flam
