#include "framework/model/laid_out.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;

class Slots final : public MediaLayout {
 public:
  explicit Slots(int64_t slots) : slots_(slots) {}
  int64_t max_crops() const override { return slots_; }
  int64_t tile_slots() const override { return slots_; }
  MediaPlan plan(const PictureSize&, bool) const override { return {}; }
  std::vector<Picture> crops(const Picture& picture, const MediaPlan&) const override { return {picture}; }
  std::string text(const MediaPlan&) const override { return ""; }

 private:
  int64_t slots_;
};

TEST(WithMediaTexts, ReplacesMarkersOfTheTemplateOnly) {
  const MarkedText prompt = template_text("a <i> b") + literal_text("<i>") + template_text("<i>");
  const MarkedText out = with_media_texts(prompt, "<i>", std::vector<std::string>{"<x><i><i>", "<i>y"});
  EXPECT_EQ(out, template_text("a <x><i><i> b") + literal_text("<i>") + template_text("<i>y"));
  EXPECT_EQ(error_of([&] { with_media_texts(prompt, "<i>", std::vector<std::string>{"x"}); }),
            "a prompt has 2 media markers '<i>' for 1 pictures or videos");
}

TEST(VisionInputOfPlans, HasOnlyPixelsForWholeCrops) {
  const std::vector<MediaPlan> plans = {{1, 2, 3, {}, 0}, {}};
  EXPECT_TRUE(vision_input(at::zeros({4, 3, 8, 8}), plans, Slots(1), {6, 2, 2, 0}).has_only_pixels());
}

TEST(VisionInputOfPlans, PatchesThatShowAPartOfThePicture) {
  const std::vector<MediaPlan> plans = {{}, {1, 2, 2, {{8, 8}, {5, 1}}, 0}};
  const VisionInput input = vision_input(at::zeros({3, 3, 8, 8}), plans, Slots(1), {6, 4, 4, 1});
  at::Tensor expected = at::zeros({3, 4, 4}, at::kBool);
  expected.narrow(0, 0, 2).fill_(true);
  expected[2].narrow(0, 0, 3).narrow(1, 0, 1).fill_(true);
  EXPECT_TRUE(input.patch_mask.equal(expected));
  EXPECT_FALSE(input.tile_mask.defined());
  // 384 pixels are 27 patches of 14, and 6 more pixels.
  const std::vector<MediaPlan> cut = {{1, 1, 1, {{71, 378}}, 0}};
  expected = at::zeros({1, 27, 27}, at::kBool);
  expected.narrow(1, 0, 6).fill_(true);
  EXPECT_TRUE(
      vision_input(at::zeros({1, 3, 384, 384}), cut, Slots(1), {6, 27, 27, 0}).patch_mask.equal(expected));
}

TEST(VisionInputOfPlans, TileSlots) {
  const std::vector<MediaPlan> plans = {{1, 3, 3, {}, 3}, {1, 1, 1, {{4, 8}}, 1}};
  const VisionInput input = vision_input(at::zeros({8, 3, 8, 8}), plans, Slots(4), {6, 2, 2, 0});
  EXPECT_TRUE(
      input.tile_mask.equal(at::tensor({1, 1, 1, 0, 1, 0, 0, 0}, at::kLong).to(at::kBool).view({2, 4})));
  EXPECT_TRUE(input.aspect_ratio_ids.equal(at::tensor({3, 1}, at::kLong)));
  EXPECT_TRUE(input.patch_mask[4].equal(at::tensor({1, 1, 0, 0}, at::kLong).to(at::kBool).view({2, 2})));
  EXPECT_TRUE(input.patch_mask[5].all().item<bool>());
  const VisionInput missing = missing_picture(Slots(4), 8, {6, 2, 2, 0}, at::kFloat);
  EXPECT_EQ(missing.pixels.sizes(), at::IntArrayRef({4, 3, 8, 8}));
  EXPECT_TRUE(missing.tile_mask.equal(at::tensor({1, 0, 0, 0}, at::kLong).to(at::kBool).view({1, 4})));
  EXPECT_EQ(missing.aspect_ratio_ids.item<int64_t>(), 0);
}

}  // namespace
}  // namespace flam
