#include "framework/nn/dropout.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>

#include <cmath>
#include <thread>

#include "framework/base/error.h"
#include "framework/nn/training.h"
#include "framework/testing/near.h"

namespace flam {
namespace {

TEST(Dropout, ReturnsItsInputOutsideTraining) {
  const at::Tensor x = random({4, 6}, 1);
  EXPECT_TRUE(Dropout(0.5)(x).is_same(x));
  EXPECT_TRUE(DropPath(0.5)(x).is_same(x));
  const Training training(1);
  EXPECT_TRUE(Dropout()(x).is_same(x));
  EXPECT_TRUE(Dropout(0)(x).is_same(x));
  EXPECT_TRUE(DropPath()(x).is_same(x));
}

TEST(Dropout, DropsElementsAndScalesTheOthers) {
  const Training training(1);
  const at::Tensor x = at::ones({200, 300}).requires_grad_();
  const at::Tensor out = Dropout(0.2)(x);
  const at::Tensor kept = out.ne(0);
  EXPECT_NEAR(kept.to(at::kDouble).mean().item<double>(), 0.8, 0.0066);  // four standard deviations
  EXPECT_TRUE(near(out, kept.to(at::kFloat) * 1.25));
  // No row or column is dropped as a whole.
  EXPECT_TRUE(kept.any(0).all().item<bool>());
  EXPECT_TRUE(kept.any(1).all().item<bool>());
  out.sum().backward();
  EXPECT_TRUE(near(x.grad(), out));  // the same elements
  EXPECT_EQ(Dropout(1)(x).abs().sum().item<float>(), 0);
}

TEST(DropPath, DropsWholeRowsOfTheBatch) {
  const Training training(2);
  const at::Tensor x = random({2000, 2, 3}, 1);
  const at::Tensor out = DropPath(0.3)(x);
  const at::Tensor kept = out.ne(0).any(2).any(1);
  EXPECT_NEAR(kept.to(at::kDouble).mean().item<double>(), 0.7, 0.041);
  EXPECT_TRUE(near(out, x * kept.to(at::kFloat).view({-1, 1, 1}) / 0.7));
}

TEST(Training, DrawsWhatItsSeedSays) {
  const at::Tensor x = at::ones({64, 64});
  const Dropout drop(0.5);
  const auto drawn = [&](uint64_t seed) {
    const Training training(seed);
    return std::pair(drop(x), drop(x));
  };
  const auto [first, second] = drawn(7);
  EXPECT_FALSE(first.equal(second));
  const auto [again, next] = drawn(7);
  EXPECT_TRUE(again.equal(first));
  EXPECT_TRUE(next.equal(second));
  EXPECT_FALSE(drawn(8).first.equal(first));
}

TEST(Training, IsOnForItsThreadAndItsScope) {
  EXPECT_FALSE(Training::is_on());
  EXPECT_THROW(Training::generator(at::kCPU), RunError);
  {
    const Training outer(1);
    EXPECT_TRUE(Training::is_on());
    const at::Generator seen = Training::generator(at::kCPU);
    {
      const Training inner(2);
      EXPECT_NE(Training::generator(at::kCPU), seen);
    }
    EXPECT_EQ(Training::generator(at::kCPU), seen);
    bool elsewhere = true;
    std::thread([&] { elsewhere = Training::is_on(); }).join();
    EXPECT_FALSE(elsewhere);
  }
  EXPECT_FALSE(Training::is_on());
}

TEST(Dropout, KeepsTypeAndShapesBeforeThereAreWeights) {
  const Training training(1);
  EXPECT_EQ(Dropout(0.5)(at::ones({3}, at::kBFloat16)).scalar_type(), at::kBFloat16);
  EXPECT_EQ(DropPath(0.5)(at::empty({3, 4}, at::kMeta)).sizes(), at::IntArrayRef({3, 4}));
}

TEST(Dropout, RejectsWhatIsNoProbability) {
  EXPECT_THROW(Dropout(-0.1), Error);
  EXPECT_THROW(Dropout(std::nan("")), Error);
  EXPECT_THROW(DropPath(1.1), Error);
}

}  // namespace
}  // namespace flam
