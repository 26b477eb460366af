#include "framework/media/resize.h"

#include <gtest/gtest.h>

#include "framework/base/error.h"
#include "framework/base/hash.h"
#include "framework/base/text.h"
#include "tests/media/noise.h"

namespace flam {
namespace {

std::string hash(const at::Tensor& picture) {
  return sha256({reinterpret_cast<const char*>(picture.const_data_ptr<uint8_t>()), size_t(picture.numel())})
      .substr(0, 16);
}

struct Case {
  int64_t height, width, new_height, new_width;
  const char* sums[3];  // nearest, bilinear, bicubic
};

// SHA-256 (first 16 digits) of the results of Pillow 12.0 for noise_picture().
const Case kPillow[] = {
    {1, 1, 5, 3, {"b59bb89b7f8c1b38", "b59bb89b7f8c1b38", "b59bb89b7f8c1b38"}},
    {7, 5, 3, 4, {"d79e5f3f7a8d1830", "c07de5f5da424aa6", "ed01555788b70134"}},
    {5, 7, 20, 31, {"606e6e2d650ac6d6", "ed51b407383d6dcf", "fdeb454530669b1a"}},
    {64, 80, 56, 70, {"aaaeb7f7adb372f5", "d693ea4b7c1fea30", "3cebb9e5a24d3f2a"}},
    {211, 37, 224, 39, {"e2a762ef5dff93ce", "b576ec4cf3d92b51", "c18d1a32bf2fd7f3"}},
    {1, 300, 2, 7, {"f75cd5647d3fa1b1", "49380be0996a8346", "7d521e827dd1c528"}},
    {300, 1, 7, 1, {"5b1450ffe47c3c6b", "84ff3dfee4597a12", "4049abb849c70ab0"}},
    {120, 91, 120, 56, {"152d4f05ed2eb22a", "8e53660929c477ad", "04160db95ae4fabf"}},
    {97, 131, 50, 131, {"c965a12fd625110d", "1cb746ae896add47", "c5398524fd136e12"}},
};

TEST(Resize, EqualsPillow) {
  for (const Case& c : kPillow) {
    for (const auto how : {Interpolation::nearest, Interpolation::bilinear, Interpolation::bicubic}) {
      const at::Tensor out =
          resize_like_pillow(noise_picture(c.height, c.width), c.new_height, c.new_width, how);
      EXPECT_EQ(hash(out), c.sums[int(how)]) << c.height << " x " << c.width << " to " << c.new_height
                                             << " x " << c.new_width << ", " << int(how);
    }
  }
}

TEST(Resize, SameSizeIsTheSamePicture) {
  const at::Tensor picture = noise_picture(9, 13);
  EXPECT_TRUE(resize_like_pillow(picture, 9, 13, Interpolation::bicubic).equal(picture));
  EXPECT_TRUE(resize_like_pillow(picture, 9, 13, Interpolation::nearest).equal(picture));
}

TEST(Resize, TakesViewsAndOneChannel) {
  const at::Tensor picture = noise_picture(20, 30);
  const at::Tensor whole = resize_like_pillow(picture, 7, 8, Interpolation::bicubic);
  const at::Tensor green = resize_like_pillow(picture.narrow(2, 1, 1), 7, 8, Interpolation::bicubic);
  EXPECT_TRUE(green.equal(whole.narrow(2, 1, 1)));
}

TEST(Resize, RefusesImpossibleSizes) {
  const at::Tensor picture = noise_picture(4, 1000);
  EXPECT_THROW(resize_like_pillow(picture, 0, 10, Interpolation::bicubic), Error);
  EXPECT_THROW(resize_like_pillow(picture, 10, -1, Interpolation::nearest), Error);
  EXPECT_THROW(resize_like_pillow(picture, 100'000, 100'000, Interpolation::nearest), Error);
  EXPECT_THROW(resize_like_pillow(picture, 1, int64_t{1} << 62, Interpolation::bicubic), Error);
  EXPECT_THROW(resize_like_pillow(picture.to(at::kFloat), 2, 2, Interpolation::bicubic), Error);
  EXPECT_THROW(resize_like_pillow(picture.narrow(0, 0, 0), 2, 2, Interpolation::bicubic), Error);
}

}  // namespace
}  // namespace flam
