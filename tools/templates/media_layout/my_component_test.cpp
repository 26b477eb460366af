#include "framework/sdk.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

TEST(MyComponent, HalvesAPicture) {
  const Picture picture{at::arange(24, at::kByte).view({2, 4, 3})};
  const Built<MediaLayout> layout("{type: my_component}", {"<image>", 32});
  const MediaPlan plan = layout->plan({2, 4}, /*may_split=*/true);
  EXPECT_EQ(layout->text(plan), "<image><image><image>");
  const auto crops = layout->crops(picture, plan);
  ASSERT_EQ(crops.size(), 3u);
  EXPECT_TRUE(crops[1].rgb.equal(picture.rgb.narrow(1, 2, 2)));
  EXPECT_TRUE(crops[2].rgb.equal(picture.rgb));
}

TEST(MyComponent, LeavesFramesAndNarrowPicturesWhole) {
  const Built<MediaLayout> layout("{type: my_component, overview: false}", {"<image>", 32});
  EXPECT_EQ(layout->plan({2, 4}, /*may_split=*/false).crops, 1);
  EXPECT_EQ(layout->plan({2, 1}, /*may_split=*/true).crops, 1);
}

}  // namespace
}  // namespace flam
