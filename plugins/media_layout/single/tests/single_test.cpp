#include "framework/sdk.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

TEST(Single, LeavesPictureAndMarkerAsTheyAre) {
  const Built<MediaLayout> layout("{type: single}", {"<image>", 8});
  const Picture picture{at::arange(60, at::kByte).view({4, 5, 3})};
  for (const bool may_split : {true, false}) {
    const MediaPlan plan = layout->plan({4, 5}, may_split);
    EXPECT_EQ(plan.crops, 1);
    EXPECT_EQ(layout->text(plan), "<image>");
    const auto crops = layout->crops(picture, plan);
    ASSERT_EQ(crops.size(), 1u);
    EXPECT_TRUE(at::equal(crops[0].rgb, picture.rgb));
  }
  EXPECT_EQ(layout->max_crops(), 1);
  EXPECT_EQ(layout->tile_slots(), 1);
}

}  // namespace
}  // namespace flam
