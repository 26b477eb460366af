// Declared weights: names, ties, counts, initial values.
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>

#include "fixtures.h"
#include "framework/weights/naming.h"
#include "framework/weights/weight_store.h"

namespace flam {
namespace {

using test::error_of;
using testing::HasSubstr;

TEST(WeightStore, DeclaringAllocatesNothing) {
  WeightStore store;
  const WeightScope root(store, "decoder");
  const Weight big = (root / "layers" / 7).tensor("w", {1 << 20, 1 << 20}, Init::normal(0.02));
  EXPECT_TRUE(big.tensor().is_meta());
  EXPECT_EQ(big.slot()->name, "decoder.layers.7.w");
  EXPECT_EQ(store.parameter_count(), int64_t{1} << 40);
}

TEST(WeightStore, CountsDoNotOverflow) {
  WeightStore store;
  const WeightScope root(store, "a");
  EXPECT_THAT(error_of([&] {
                root.tensor("w", {1 << 29, 1 << 29}, Init::zeros());
              }),
              HasSubstr("'a.w' has the impossible shape"));
  for (int i = 0; i < (1 << 15); ++i)
    root.tensor(std::to_string(i), {int64_t{1} << 24, int64_t{1} << 24}, Init::zeros());
  EXPECT_THAT(error_of([&] { store.parameter_count(); }), HasSubstr("more than 2^63 parameters"));
}

TEST(WeightStore, TiedTensorsCountOnce) {
  WeightStore store;
  const WeightScope a(store, "a"), ab(store, "ab");
  const Weight table = a.vocabulary("embed", {10, 4}, Init::normal(1), Init::zeros());
  const Weight head = a.tie("head", table);
  ab.tensor("w", {3}, Init::ones());
  EXPECT_EQ(store.parameter_count(), 43);
  EXPECT_EQ(store.parameter_count("a"), 40);  // not "ab"
  EXPECT_EQ(store.slots().size(), 2u);
  EXPECT_EQ(store.find("a.head"), table.slot());
  EXPECT_EQ(head.slot()->aliases, std::vector<std::string>{"a.head"});
  EXPECT_EQ(store.find("a.tail"), nullptr);
}

TEST(WeightStore, StatisticsAreNotParameters) {
  WeightStore store;
  const WeightScope norm(store, "norm");
  norm.tensor("weight", {4}, Init::ones());
  const Weight mean = norm.statistic("running_mean", {4}, Init::zeros());
  EXPECT_EQ(store.parameter_count(), 4);
  EXPECT_EQ(store.find("norm.running_mean"), mean.slot());
  EXPECT_TRUE(mean.slot()->statistic);
  EXPECT_FALSE(store.find("norm.weight")->statistic);
}

TEST(WeightStore, WrongDeclarationsAreErrors) {
  WeightStore store;
  const WeightScope root(store, "x");
  const Weight w = root.tensor("w", {2}, Init::zeros());
  EXPECT_THAT(error_of([&] { root.tensor("w", {2}, Init::zeros()); }), HasSubstr("'x.w' is declared twice"));
  EXPECT_THAT(error_of([&] { root.tie("w", w); }), HasSubstr("declared twice"));
  EXPECT_THAT(error_of([&] {
                root.tensor("v", {INT64_MAX, 3}, Init::zeros());
              }),
              HasSubstr("impossible shape"));
  EXPECT_THAT(error_of([&] {
                root.tensor("v", {2, -1}, Init::zeros());
              }),
              HasSubstr("the impossible shape [2, -1]"));
  EXPECT_THAT(error_of([&] { root.fused("f", {}, {}, Init::zeros()); }), HasSubstr("do not add up"));
  EXPECT_THAT(error_of([&] { root.fused("f", {5, 2}, {2, 2}, Init::zeros()); }), HasSubstr("do not add up"));
}

TEST(WeightStore, LargeTensorsBeginWithAHugePage) {
  WeightStore store;
  const WeightScope root(store, "x");
  const Weight alone = root.tensor("alone", {1024, 1024}, Init::zeros());
  const std::vector<Weight> stacked = {root.tensor("q", {600, 1024}, Init::zeros()),
                                       root.tensor("k", {600, 1024}, Init::zeros())};
  stack_rows(stacked);
  const auto begins_one = [](const Weight& weight) {
    return reinterpret_cast<uintptr_t>(weight.tensor().const_data_ptr()) % (2 << 20) == 0;
  };
  store.initialise(at::kCPU, at::kFloat, 0);
  EXPECT_TRUE(begins_one(alone));
  EXPECT_TRUE(begins_one(stacked[0]));
  store.to(at::kCPU, at::kBFloat16);
  EXPECT_TRUE(begins_one(alone));
  EXPECT_TRUE(begins_one(stacked[0]));
}

TEST(WeightStore, OutOfMemoryNamesTheTensor) {
  WeightStore store;
  WeightScope(store, "x").tensor("huge", {int64_t{1} << 50}, Init::zeros());
  const std::string error = error_of([&] { store.initialise(at::kCPU, at::kFloat, 0); });
  EXPECT_THAT(error, HasSubstr("'x.huge'"));
  EXPECT_THAT(error, HasSubstr("4503599627370496 bytes"));
}

/// The values of one tensor, initialised beside others.
at::Tensor values(uint64_t seed, const std::string& name, at::ScalarType dtype, bool others) {
  WeightStore store;
  const WeightScope root(store, "m");
  if (others) root.tensor("other", {100, 7}, Init::normal(1));
  const Weight w = root.tensor(name, {1000, 300}, Init::normal(0.5));
  store.initialise(at::kCPU, dtype, seed);
  EXPECT_TRUE(w.slot()->origins.empty());
  return w.tensor();
}

TEST(Initialise, ValuesDependOnSeedAndNameAlone) {
  const at::Tensor w = values(1, "w", at::kFloat, false);
  EXPECT_TRUE(at::equal(w, values(1, "w", at::kFloat, true)));
  EXPECT_FALSE(at::equal(w, values(2, "w", at::kFloat, false)));
  EXPECT_FALSE(at::equal(w, values(1, "v", at::kFloat, false)));
  for (const auto dtype : {at::kBFloat16, at::kHalf, at::kDouble}) {
    EXPECT_TRUE(at::allclose(values(1, "w", dtype, true).to(at::kFloat), w, 0.01, 1e-6));
  }
}

TEST(Initialise, KeepsFilledTensors) {
  WeightStore store;
  const WeightScope root(store, "m");
  const Weight filled = root.tensor("filled", {2}, Init::zeros());
  const Weight number = root.tensor("number", {2}, Init::zeros());
  const Weight empty = root.tensor("empty", {2}, Init::ones());
  filled.slot()->tensor = at::full({2}, 5, at::kFloat);
  number.slot()->tensor = at::full({2}, 3, at::kLong);
  store.to(at::kCPU,
           at::kBFloat16);  // tensors that are not filled stay on the meta device, and integers stay integers
  EXPECT_EQ(filled.tensor().scalar_type(), at::kBFloat16);
  EXPECT_EQ(number.tensor().scalar_type(), at::kLong);
  EXPECT_TRUE(empty.tensor().is_meta());
  std::vector<int64_t> told;
  store.progress = [&](int64_t done, int64_t total) {
    told.push_back(done);
    EXPECT_EQ(total, 3);
  };
  store.initialise(at::kCPU, at::kBFloat16, 0);
  EXPECT_EQ(told, (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(filled.tensor()[1].item<float>(), 5);
  EXPECT_EQ(empty.tensor()[1].item<float>(), 1);
}

TEST(Initialise, RefusesNormalValuesForIntegers) {
  WeightStore store;
  WeightScope(store, "m").tensor("w", {2}, Init::normal(1));
  EXPECT_THAT(error_of([&] { store.initialise(at::kCPU, at::kInt, 0); }),
              HasSubstr("weights cannot be initialised as Int"));
}

TEST(Initialise, NormalValuesHaveTheirMoments) {
  const at::Tensor w = values(3, "w", at::kFloat, false).to(at::kDouble);
  EXPECT_NEAR(w.mean().item<double>(), 0, 0.005);
  EXPECT_NEAR(w.std().item<double>(), 0.5, 0.005);
  EXPECT_NEAR(w.lt(-0.5).to(at::kDouble).mean().item<double>(), 0.159, 0.01);
  const at::Tensor neighbours = w.view({-1});
  const at::Tensor products = neighbours.narrow(0, 0, 299999).mul(neighbours.narrow(0, 1, 299999));
  EXPECT_NEAR(products.mean().item<double>(), 0, 0.002);
}

TEST(Initialise, FillsRowsThatAFileLacks) {
  WeightStore store;
  const WeightScope root(store, "m");
  const Weight same = root.vocabulary("same", {8, 4}, Init::normal(1));
  const Weight zeros = root.vocabulary("zeros", {8, 4}, Init::normal(1), Init::zeros());
  const Weight constant = root.tensor("c", {}, Init::constant(2.5));
  store.initialise(at::kCPU, at::kFloat, 5);
  const at::Tensor before = same.tensor().clone();
  same.tensor().zero_();
  WeightStore::initialise_rows(*same.slot(), 6, 5);
  EXPECT_TRUE(at::equal(same.tensor().narrow(0, 6, 2), before.narrow(0, 6, 2)));
  EXPECT_EQ(same.tensor().narrow(0, 0, 6).abs().sum().item<float>(), 0);
  EXPECT_GT(zeros.tensor().abs().sum().item<float>(), 0);
  WeightStore::initialise_rows(*zeros.slot(), 1, 5);
  EXPECT_EQ(zeros.tensor().narrow(0, 1, 7).abs().sum().item<float>(), 0);
  EXPECT_EQ(constant.tensor().item<float>(), 2.5f);
  store.to(at::kCPU, at::kBFloat16);
  EXPECT_EQ(same.tensor().scalar_type(), at::kBFloat16);
}

TEST(Naming, NumbersAreCarriedOver) {
  const NamingTable table{
      "t", {{"blocks.{}.attn.{}.w", "layers.{}.a{}.w", 2}, {"*.inv_freq", ""}, {"a.*.b", "c"}}};
  NameMatch match;
  ASSERT_TRUE(match_name(table, "blocks.12.attn.3.w", match));
  EXPECT_EQ(match.to, "layers.12.a3.w");
  EXPECT_EQ(match.part, 2);
  ASSERT_TRUE(match_name(table, "x.7.inv_freq", match));
  EXPECT_EQ(match.to, "");
  EXPECT_EQ(match.part, -1);
  EXPECT_FALSE(match_name(table, "blocks.x.attn.3.w", match));
  EXPECT_FALSE(match_name(table, "blocks..attn.3.w", match));
  EXPECT_FALSE(match_name(table, "blocks.", match));
}

TEST(Naming, Patterns) {
  EXPECT_TRUE(match_pattern("*", ""));
  EXPECT_TRUE(match_pattern("a*b*c", "axxbxbxc"));
  EXPECT_TRUE(match_pattern("*.{}.w", "a.b.3.w"));
  EXPECT_TRUE(match_pattern("*.{}.w", "1.w.22.w"));
  EXPECT_FALSE(match_pattern("a", "ab"));
  EXPECT_FALSE(match_pattern("ab", "a"));
  EXPECT_FALSE(match_pattern("{}", "{}"));
  EXPECT_FALSE(match_pattern("*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
}

}  // namespace
}  // namespace flam
