#include "framework/nn/conv.h"

#include <ATen/ops/conv1d.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv_transpose2d.h>

#include "framework/base/error.h"
#include "framework/nn/flops.h"
#include "framework/testing/near.h"

namespace flam {
namespace {

void fill_randomly(WeightStore& store) {
  uint64_t seed = 5;
  for (const auto& slot : store.slots()) slot->tensor = random(slot->shape, ++seed).requires_grad_();
}

TEST(Conv, EqualsTheOperatorOfLibtorch) {
  WeightStore store;
  const WeightScope scope(store, "m");
  const Conv1d line(scope, "line", 4, 6, {.kernel = 3, .stride = 2, .padding = 1, .bias = false});
  const Conv2d plane(scope, "plane", 4, 6, {.kernel = 3, .padding = 2, .dilation = 2, .groups = 2});
  EXPECT_EQ(store.parameter_count(), 6 * 4 * 3 + 6 * 2 * 9 + 6);
  fill_randomly(store);
  const auto w = [&](const std::string& name) { return store.find("m." + name)->tensor; };
  const at::Tensor signal = random({2, 4, 9}, 1), image = random({2, 4, 7, 8}, 2);
  FlopScope flops;
  const at::Tensor along = line(signal);
  EXPECT_EQ(flops.flops(), 2 * (2 * 6 * 5) * 4 * 3);
  EXPECT_TRUE(near(along, at::conv1d(signal, w("line.weight"), {}, 2, 1)));
  const at::Tensor out = plane(image);
  EXPECT_TRUE(near(out, at::conv2d(image, w("plane.weight"), w("plane.bias"), 1, 2, 2, 2)));
  out.square().sum().backward();
  for (const char* name : {"plane.weight", "plane.bias"})
    EXPECT_GT(w(name).grad().abs().sum().item<double>(), 0) << name;
}

TEST(Conv, FindsShapesAndFlopsBeforeThereAreWeights) {
  WeightStore store;
  const Conv1d line(WeightScope(store, "m"), "line", 4, 6, {.kernel = 3, .stride = 2});
  const Conv2d plane(WeightScope(store, "m"), "plane", 4, 8, {.kernel = 3, .padding = 1, .groups = 4});
  FlopScope flops;
  EXPECT_EQ(plane(at::empty({2, 4, 7, 8}, at::kMeta)).sizes(), at::IntArrayRef({2, 8, 7, 8}));
  EXPECT_EQ(flops.flops(), 2 * (2 * 8 * 7 * 8) * 9);
  EXPECT_EQ(line(at::empty({2, 4, 9}, at::kMeta)).sizes(), at::IntArrayRef({2, 6, 4}));
}

TEST(ConvTranspose, EqualsTheOperatorOfLibtorch) {
  WeightStore store;
  const ConvTranspose2d up(
      WeightScope(store, "m"), "up", 4, 6,
      {.kernel = 3, .stride = 2, .padding = 1, .output_padding = 1, .dilation = 2, .groups = 2});
  const ConvTranspose2d plain(WeightScope(store, "m"), "plain", 4, 3,
                              {.kernel = 2, .stride = 2, .bias = false});
  EXPECT_EQ(store.parameter_count(), 4 * 3 * 9 + 6 + 4 * 3 * 4);
  EXPECT_EQ(plain(at::empty({2, 4, 5, 7}, at::kMeta)).sizes(), at::IntArrayRef({2, 3, 10, 14}));
  fill_randomly(store);
  const auto w = [&](const std::string& name) { return store.find("m." + name)->tensor; };
  const at::Tensor image = random({2, 4, 5, 7}, 2);
  FlopScope flops;
  const at::Tensor out = up(image);
  EXPECT_EQ(flops.flops(), 2 * image.numel() * 3 * 9);
  EXPECT_TRUE(near(out, at::conv_transpose2d(image, w("up.weight"), w("up.bias"), 2, 1, 1, 2, 2)));
  EXPECT_TRUE(near(plain(image), at::conv_transpose2d(image, w("plain.weight"), {}, 2)));
  out.square().sum().backward();
  EXPECT_GT(w("up.weight").grad().abs().sum().item<double>(), 0);
}

TEST(ConvTranspose, BeginsWithOutputsOfTwiceTheVarianceOfItsInputs) {
  WeightStore store;
  const ConvTranspose2d up(WeightScope(store, "m"), "up", 64, 64, {.kernel = 4, .stride = 2, .padding = 1});
  store.initialise(at::kCPU, at::kFloat, 1);
  const at::Tensor out = up(random({2, 64, 16, 16}, 3));
  EXPECT_NEAR(out.narrow(2, 2, 28).narrow(3, 2, 28).var().item<double>(), 2, 0.2);
}

TEST(Conv, RejectsGroupsThatDoNotDivideTheChannels) {
  WeightStore store;
  EXPECT_THROW(Conv2d(WeightScope(store, "m"), "plane", 4, 6, {.groups = 3}), Error);
  EXPECT_THROW(Conv1d(WeightScope(store, "m"), "line", 4, 6, {.groups = 0}), Error);
  EXPECT_THROW(ConvTranspose2d(WeightScope(store, "m"), "up", 4, 6, {.groups = 4}), Error);
}

}  // namespace
}  // namespace flam
