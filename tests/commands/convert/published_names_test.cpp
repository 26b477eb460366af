// Tensors under published names are arranged so that loading through the same table gives them back.
#include "framework/commands/convert/published_names.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/error.h"

namespace flam {
namespace {

WeightSlot slot(const std::string& name, at::Tensor tensor, std::vector<int64_t> parts = {}) {
  WeightSlot out;
  out.name = "language_decoder." + name;
  out.shape = tensor.sizes().vec();
  out.parts = std::move(parts);
  out.tensor = std::move(tensor);
  return out;
}

std::vector<std::pair<std::string, at::Tensor>> published(std::vector<WeightSlot> slots,
                                                          const NamingTable& table) {
  std::vector<WeightSlot*> all;
  for (WeightSlot& each : slots) all.push_back(&each);
  return published_tensors(all, "language_decoder", table);
}

TEST(PublishedNames, FusedTensorsAreTakenApart) {
  const NamingTable table{"t", {{"h.{}.q", "layers.{}.qk", 0}, {"h.{}.k", "layers.{}.qk", 1}}};
  const at::Tensor fused = at::rand({5, 3});
  const auto out = published({slot("layers.7.qk", fused, {3, 2})}, table);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].first, "h.7.k");
  EXPECT_TRUE(at::equal(out[0].second, fused.narrow(0, 3, 2)));
  EXPECT_EQ(out[1].first, "h.7.q");
}

TEST(PublishedNames, RowsAreBroughtIntoTheFilesOrder) {
  for (const NameRule& how :
       {NameRule{.transposed = true}, NameRule{.interleaved_heads = 2},
        NameRule{.transposed = true, .parts_of_heads = 2}, NameRule{.parts_of_heads = 2}}) {
    NameRule rule = how;
    rule.from = "c.weight";
    rule.to = "own.weight";
    const at::Tensor own = at::rand({12, 4});
    const size_t parts = how.parts_of_heads > 0 ? 3 : 0;
    const auto out =
        published({slot("own.weight", own, std::vector<int64_t>(parts, 4))}, NamingTable{"t", {rule}});
    ASSERT_EQ(out.size(), 1u);
    EXPECT_TRUE(at::equal(arranged(out[0].second, rule, parts), own));
    EXPECT_FALSE(out[0].second.sizes() == own.sizes() && at::equal(out[0].second, own));
  }
}

TEST(PublishedNames, SlicesAreJoined) {
  NamingTable table{"t", {}};
  std::vector<WeightSlot> slots;
  int64_t slice = 0;
  for (const char* name : {"q", "k", "v"}) {
    table.rules.push_back(
        {.from = "qkv", .to = name, .transposed = true, .parts_of_heads = 2, .slices = 3, .slice = slice++});
    slots.push_back(slot(name, at::rand({4, 5})));
  }
  const auto out = published(slots, table);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].second.sizes(), at::IntArrayRef({5, 12}));
  for (size_t i = 0; i < slots.size(); ++i)
    EXPECT_TRUE(at::equal(arranged(out[0].second, table.rules[i], 0), slots[i].tensor)) << i;
  slots.pop_back();
  EXPECT_THAT([&] { published(slots, table); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("not all of them are written")));
}

TEST(PublishedNames, ATensorWithoutANameIsAnError) {
  EXPECT_THAT(
      [] {
        published({slot("own.weight", at::rand({2}))}, NamingTable{"t", {{"*.weight", "own.weight"}}});
      },
      testing::ThrowsMessage<Error>(testing::HasSubstr("has no name for 'language_decoder.own.weight'")));
}

}  // namespace
}  // namespace flam
