// Tensors whose rows a published file has in another order, or as a part of a larger tensor.
#include "framework/weights/naming.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <gmock/gmock.h>

#include "framework/base/file.h"
#include "framework/weights/load.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

/// The rows of [0, 1, …] that the rule takes, in its order.
std::vector<float> rows(int64_t count, const NameRule& rule, size_t parts = 0) {
  const at::Tensor out = arranged(at::arange(count, at::kFloat).view({count, 1}), rule, parts).contiguous();
  const auto* values = out.const_data_ptr<float>();
  return {values, values + out.numel()};
}

TEST(Arranged, AMatrixMayBeTransposed) {
  const at::Tensor stored = at::rand({4, 6});
  EXPECT_TRUE(at::equal(arranged(stored, {.transposed = true}, 0), stored.t()));
  const at::Tensor bias = at::rand({6});
  EXPECT_TRUE(at::equal(arranged(bias, {.transposed = true}, 0), bias));
}

TEST(Arranged, ASliceIsAPartOfTheRows) {
  EXPECT_EQ(rows(6, {.slices = 3, .slice = 1}), (std::vector<float>{2, 3}));
  EXPECT_EQ(rows(7, {.slices = 3, .slice = 1}).size(), 7u) << "a shape that does not suit is left";
}

TEST(Arranged, PartsOfHeadsAreGathered) {
  // Two heads with one row each of queries, keys and values.
  EXPECT_EQ(rows(6, {.parts_of_heads = 2}, 3), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(rows(6, {.parts_of_heads = 2, .slices = 3, .slice = 2}), (std::vector<float>{2, 5}));
  EXPECT_EQ(rows(8, {.parts_of_heads = 2}, 3).size(), 8u);
}

class LoadArranged : public testing::Test {
 protected:
  void load(const NamingTable& table, const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
    const std::vector<NamingTable> tables = {table};
    write_safetensors(folder_ / "file.safetensors", tensors, {});
    WeightsConfig config;
    config.root = folder_.path().string();
    config.files = {{"file.safetensors", {{"", "language_decoder", table.name}}, {}, {}, {}}};
    load_weights(
        store_, config, [&](const std::string&) { return &tables; }, at::kCPU, at::kFloat, 1);
  }

  test::Scratch folder_;
  WeightStore store_;
  WeightScope decoder_{store_, "language_decoder"};
};

TEST_F(LoadArranged, OneTensorFillsSeveralSlots) {
  const Weight q = decoder_.tensor("q.weight", {2, 4}, Init::zeros()),
               k = decoder_.tensor("k.weight", {2, 4}, Init::zeros()),
               v = decoder_.tensor("v.weight", {2, 4}, Init::zeros());
  NamingTable gpt2{"gpt2", {}};
  int64_t slice = 0;
  for (const char* to : {"q.weight", "k.weight", "v.weight"})
    gpt2.rules.push_back(
        {.from = "c_attn.weight", .to = to, .transposed = true, .slices = 3, .slice = slice++});
  const at::Tensor stored = at::rand({4, 6});
  load(gpt2, {{"c_attn.weight", stored}});
  EXPECT_TRUE(at::equal(at::cat({q.tensor(), k.tensor(), v.tensor()}), stored.t()));
  EXPECT_TRUE(k.tensor().is_contiguous());
}

TEST_F(LoadArranged, AFusedTensorTakesPartsOfHeads) {
  const Weight qkv = decoder_.fused("qkv.weight", {6, 4}, {2, 2, 2}, Init::zeros());
  const NamingTable neox{"neox",
                         {{.from = "query_key_value.weight", .to = "qkv.weight", .parts_of_heads = 2}}};
  const at::Tensor stored = at::rand({6, 4});
  load(neox, {{"query_key_value.weight", stored}});
  EXPECT_TRUE(at::equal(qkv.tensor()[1], stored[3]));
  EXPECT_TRUE(at::equal(qkv.tensor()[2], stored[1]));
}

TEST_F(LoadArranged, AWrongShapeIsAnErrorThatNamesTheSlot) {
  decoder_.tensor("q.weight", {2, 4}, Init::zeros());
  const NamingTable gpt2{
      "gpt2", {{.from = "c_attn.weight", .to = "q.weight", .transposed = true, .slices = 3, .slice = 0}}};
  EXPECT_THAT(
      [&] {
        load(gpt2, {{"c_attn.weight", at::rand({4, 9})}});
      },
      testing::ThrowsMessage<Error>(testing::HasSubstr("language_decoder.q.weight is [2, 4]")));
}

}  // namespace
}  // namespace flam
