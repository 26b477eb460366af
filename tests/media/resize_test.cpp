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
  const char* sums[4];  // nearest, bilinear, bicubic, lanczos
};

// SHA-256 (first 16 digits) of the results of Pillow 12.0 for noise_picture().
const Case kPillow[] = {
    {1, 1, 5, 3, {"b59bb89b7f8c1b38", "b59bb89b7f8c1b38", "b59bb89b7f8c1b38", "b59bb89b7f8c1b38"}},
    {7, 5, 3, 4, {"d79e5f3f7a8d1830", "c07de5f5da424aa6", "ed01555788b70134", "e4d15cd9d28d3fbf"}},
    {5, 7, 20, 31, {"606e6e2d650ac6d6", "ed51b407383d6dcf", "fdeb454530669b1a", "be14910759f4a7f5"}},
    {64, 80, 56, 70, {"aaaeb7f7adb372f5", "d693ea4b7c1fea30", "3cebb9e5a24d3f2a", "061209233d61c1a2"}},
    {211, 37, 224, 39, {"e2a762ef5dff93ce", "b576ec4cf3d92b51", "c18d1a32bf2fd7f3", "37c9a68f201432a4"}},
    {1, 300, 2, 7, {"f75cd5647d3fa1b1", "49380be0996a8346", "7d521e827dd1c528", "88f9a1ca4e069add"}},
    {300, 1, 7, 1, {"5b1450ffe47c3c6b", "84ff3dfee4597a12", "4049abb849c70ab0", "0c2a4822ba8d5efd"}},
    {120, 91, 120, 56, {"152d4f05ed2eb22a", "8e53660929c477ad", "04160db95ae4fabf", "d38bcfa0d2e3055b"}},
    {97, 131, 50, 131, {"c965a12fd625110d", "1cb746ae896add47", "c5398524fd136e12", "188b0814108fa0d2"}},
};

// The same of Pillow 13.0, which differs where the vertical pass comes first.
const Case kPillow13[] = {
    {7, 5, 3, 4, {"d79e5f3f7a8d1830", "0d83f5a30b823b9d", "ac3bdea3398f3c27", "6849ec856e7bcaf7"}},
    {211, 37, 120, 22, {"92d5e05977fd8276", "c55dcd7516647b81", "dd8de365a4921571", "4dd25a1ba3f8bfbb"}},
    {211, 37, 40, 40, {"461fb278d397d565", "e613dd6ddb5f96dc", "3e81fe2727ea23c5", "0f5419bde1af6941"}},
    {90, 60, 70, 50, {"0918b8e843c0962a", "c8bdc16ac9d5c1ec", "bf034d331f736676", "32f8215628010095"}},
    {90, 60, 70, 49, {"09e355c4abf8da83", "520a86c45521ff55", "1d2d6ca2f34bc91a", "726c827f4afbf72d"}},
    {300, 40, 30, 90, {"8b58cc4c64f68fc8", "cd2dcb4e01ab889b", "3d6d853f6364bfa7", "3ab69899c2803cab"}},
};

void expect_sums(const Case& c, PassOrder pass_order) {
  for (const auto how :
       {Interpolation::nearest, Interpolation::bilinear, Interpolation::bicubic, Interpolation::lanczos}) {
    const at::Tensor out =
        resize_like_pillow(noise_picture(c.height, c.width), c.new_height, c.new_width, how, pass_order);
    EXPECT_EQ(hash(out), c.sums[int(how)])
        << c.height << " x " << c.width << " to " << c.new_height << " x " << c.new_width << ", " << int(how);
  }
}

TEST(Resize, EqualsPillow) {
  for (const Case& c : kPillow) expect_sums(c, PassOrder::horizontal_first);
}

TEST(Resize, EqualsPillow13WithTheAdaptiveOrder) {
  for (const Case& c : kPillow13) expect_sums(c, PassOrder::adaptive);
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
