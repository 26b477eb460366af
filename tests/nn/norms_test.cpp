#include "framework/nn/norms.h"

#include <ATen/ops/batch_norm.h>
#include <ATen/ops/group_norm.h>

#include "framework/base/error.h"
#include "framework/testing/near.h"

namespace flam {
namespace {

class ChannelNorms : public testing::Test {
 protected:
  void fill_randomly() {
    uint64_t seed = 5;
    for (const auto& slot : store_.slots()) {
      slot->tensor = random(slot->shape, ++seed);
      if (slot->statistic) {
        slot->tensor = slot->tensor.abs() + 0.5;
      } else {
        slot->tensor.requires_grad_();
      }
    }
  }
  at::Tensor weight(const std::string& name) { return store_.find("m." + name)->tensor; }

  WeightStore store_;
  const WeightScope scope_{store_, "m"};
  const GroupNorm group_{scope_, "group", 2, 6, 1e-4};
  const BatchNorm batch_{scope_, "batch", 6, 1e-3};
  const LayerScale scale_{scope_, "scale.gamma", 5, 0.1};
};

TEST_F(ChannelNorms, EqualTheOperatorsOfLibtorch) {
  EXPECT_EQ(store_.parameter_count(), 6 + 6 + 6 + 6 + 5);  // without statistics
  fill_randomly();
  const at::Tensor x = random({3, 6, 4, 5}, 1), mean = weight("batch.running_mean").clone();
  EXPECT_TRUE(near(group_(x), at::group_norm(x, 2, weight("group.weight"), weight("group.bias"), 1e-4)));
  EXPECT_TRUE(near(batch_(x), at::batch_norm(x, weight("batch.weight"), weight("batch.bias"), mean,
                                             weight("batch.running_var"), false, 0, 1e-3, false)));
  EXPECT_TRUE(near(scale_(x), x * weight("scale.gamma")));
  const at::Tensor sum = group_(x).square().sum() + batch_(x).square().sum() + scale_(x).square().sum();
  sum.backward();
  for (const auto& slot : store_.slots()) {
    if (slot->statistic) continue;
    EXPECT_GT(slot->tensor.grad().abs().sum().item<double>(), 0) << slot->name;
  }
  EXPECT_TRUE(at::equal(weight("batch.running_mean"), mean));  // frozen in training too
}

TEST_F(ChannelNorms, KeepShapesBeforeThereAreWeights) {
  const at::Tensor x = at::empty({3, 6, 4, 5}, at::kMeta);
  EXPECT_EQ(group_(x).sizes(), x.sizes());
  EXPECT_EQ(batch_(x).sizes(), x.sizes());
  EXPECT_EQ(scale_(x).sizes(), x.sizes());
}

TEST_F(ChannelNorms, BeginAsTheIdentityOrNearIt) {
  store_.initialise(at::kCPU, at::kFloat, 1);
  const at::Tensor x = random({3, 6, 5}, 1);
  EXPECT_TRUE(near(batch_(x), x, 1e-2));
  EXPECT_TRUE(near(scale_(x), x * 0.1));
}

TEST_F(ChannelNorms, RejectGroupsThatDoNotDivideTheChannels) {
  EXPECT_THROW(GroupNorm(scope_, "other", 4, 6), Error);
}

}  // namespace
}  // namespace flam
