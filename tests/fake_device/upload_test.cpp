// Weights go to a device in pieces, without waiting for it.
#include "framework/weights/upload.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include "framework/session/session.h"
#include "tests/fake_device/fake_device.h"

namespace flam {
namespace {

using test::take_fake_device_counts;

at::Tensor on_device(at::IntArrayRef shape, at::ScalarType dtype) {
  return at::empty(shape, at::TensorOptions(dtype).device(at::kPrivateUse1));
}

TEST(Upload, GivesTheSameNumbersInPiecesOfAnySize) {
  const at::Tensor source = at::arange(7 * 9, at::kFloat).view({7, 9}) / 3;
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const int64_t piece_bytes : {1, 4, 40, 7 * 9 * 4, 1 << 20}) {
      const at::Tensor target = on_device({7, 9}, dtype);
      take_fake_device_counts();
      upload(target, source, piece_bytes);
      const auto counts = take_fake_device_counts();
      EXPECT_EQ(counts.synchronisations, 0) << counts.describe();
      EXPECT_EQ(counts.copied_bytes, 7 * 9 * 4) << "the file's dtype travels";
      EXPECT_TRUE(target.cpu().equal(source.to(dtype))) << piece_bytes;
    }
  }
}

TEST(Upload, TakesSourcesOfAnyLayoutAndParts) {
  const at::Tensor source = at::arange(12, at::kInt).view({3, 4}).t();
  const at::Tensor target = on_device({6, 3}, at::kFloat).fill_(-1);
  upload(target.narrow(0, 1, 4), source, 8);
  EXPECT_TRUE(target.cpu().narrow(0, 1, 4).equal(source.to(at::kFloat)));
  EXPECT_EQ(target.cpu().select(0, 0).sum().item<float>(), -3);
  const at::Tensor nothing = on_device({0, 3}, at::kFloat);
  upload(nothing, at::empty({0, 3}));
}

TEST(Upload, ASessionOpensWithoutWaitingForTheDevice) {
  for (const char* weights : {"", "random"}) {
    RunOptions options;
    options.device = "fake";
    options.weights = weights;
    take_fake_device_counts();
    Session::open("flamingo_mini_caption", options);
    const auto counts = take_fake_device_counts();
    EXPECT_EQ(counts.synchronisations, 0) << weights << ": " << counts.describe();
  }
}

}  // namespace
}  // namespace flam
