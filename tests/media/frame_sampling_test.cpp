#include "framework/media/frame_sampling.h"

#include <gtest/gtest.h>

namespace flam {
namespace {

using Numbers = std::vector<int64_t>;

TEST(FrameSampling, SpreadsFramesFromTheFirstToTheLast) {
  // numpy.linspace(0, total − 1, frames, dtype=int)
  EXPECT_EQ(sampled_frames({.frames = 8}, 100, 4), (Numbers{0, 14, 28, 42, 56, 70, 84, 99}));
  EXPECT_EQ(sampled_frames({.frames = 3}, 7, 1), (Numbers{0, 3, 6}));
  EXPECT_EQ(sampled_frames({.frames = 1}, 7, 1), (Numbers{0}));
  EXPECT_EQ(sampled_frames({.frames = 8}, 1, 1), (Numbers{0}));
  EXPECT_EQ(sampled_frames({.frames = 9}, 5, 1), (Numbers{0, 1, 2, 3, 4}));  // none twice
}

TEST(FrameSampling, TakesFramesPerSecond) {
  EXPECT_EQ(sampled_frames({.fps = 1}, 300, 10), (Numbers{0, 33, 66, 99, 132, 166, 199, 232, 265, 299}));
  EXPECT_EQ(sampled_frames({.frames = 4, .fps = 1}, 300, 10).size(), 4u);  // at most
  EXPECT_EQ(sampled_frames({.fps = 1}, 75, 2.5).size(), 2u);               // Python: round(2.5) is 2
  EXPECT_EQ(sampled_frames({.fps = 0.01}, 300, 10), (Numbers{0}));         // at least one
  EXPECT_EQ(sampled_frames({.fps = 1000}, 100'000, 1000).size(), static_cast<size_t>(kMostFrames));
}

TEST(FrameSampling, TakesKeyFrames) {
  const Numbers keys = {0, 12, 50, 51, 90};
  EXPECT_EQ(sampled_frames({.key_frames = true}, 100, 4, keys), keys);
  EXPECT_EQ(sampled_frames({.frames = 3, .key_frames = true}, 100, 4, keys), (Numbers{0, 50, 90}));
  EXPECT_EQ(sampled_frames({.frames = 8, .key_frames = true}, 100, 4, keys), keys);
  EXPECT_EQ(sampled_frames({.key_frames = true}, 100, 4, {}), (Numbers{0}));
}

}  // namespace
}  // namespace flam
