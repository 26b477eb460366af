// The expected values are those of Pillow 13 with the functions of torchvision 0.24
// (transforms/_functional_pil.py): the first 16 digits of the SHA-256 of the result, and one pixel.
#include <ATen/ops/empty.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "framework/base/hash.h"
#include "framework/component/transform.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

std::string hash_of(const at::Tensor& picture) {
  const at::Tensor bytes = picture.contiguous();
  return sha256({static_cast<const char*>(bytes.const_data_ptr()), static_cast<size_t>(bytes.numel())})
      .substr(0, 16);
}

/// 64 × 64 pixels of all kinds, and first the corners of the colour cube.
Pixels test_picture() {
  at::Tensor picture = at::empty({64, 64, 3}, at::kByte);
  uint8_t* data = picture.mutable_data_ptr<uint8_t>();
  for (int n = 0; n < 64 * 64; ++n) {
    for (int c = 0; c < 3; ++c)
      data[3 * n + c] = static_cast<uint8_t>(n * (2 * c + 3) * 37 + (n >> 3) * (5 * c + 1) * 11);
  }
  const uint8_t corners[] = {0, 0, 0,   255, 255, 255, 255, 0,   0, 0,   255, 0,
                             0, 0, 255, 9,   9,   9,   255, 255, 0, 254, 255, 255};
  std::copy(std::begin(corners), std::end(corners), data);
  return {picture};
}

struct Case {
  const char *what, *factor, *hash;
  std::vector<int> pixel;  // row 20, column 30
};

TEST(ColorJitter, ChangesColoursAsPillowDoes) {
  const Pixels picture = test_picture();
  ASSERT_EQ(hash_of(picture.data), "8a919b4f0f1fb96b");
  const Case cases[] = {
      {"brightness", "0", "f3cc103136423a57", {0, 0, 0}},
      {"brightness", "0.7", "7963d62bfdde23b1", {2, 126, 70}},
      {"brightness", "1.6", "7920ea04b3a4d6cf", {4, 255, 161}},
      {"contrast", "0", "2203a98fd84adfbd", {128, 128, 128}},
      {"contrast", "0.4", "32dd4585df0a8f35", {78, 148, 117}},
      {"contrast", "1.5", "6df49e4b5b90a21c", {0, 206, 87}},
      {"saturation", "0", "5eb99fbf8ace4b24", {118, 118, 118}},
      {"saturation", "0.5", "5585c385a862e905", {60, 149, 109}},
      {"saturation", "2.25", "fb6e8e217449e0e2", {0, 255, 79}},
      {"hue", "-0.5", "22ca27cb82f7c9ae", {180, 4, 78}},
      {"hue", "-0.1", "2870fbd3d3415237", {12, 180, 4}},
      {"hue", "0.3", "3e2da4f9824b65c2", {62, 4, 180}},
      {"hue", "0.5", "9e303e471ee74e68", {180, 4, 87}},
  };
  for (const Case& one : cases) {
    const std::string factor = one.factor;
    const Built<Transform> jitter(std::string("{type: color_jitter, ") + one.what + ": [" + factor + ", " +
                                  factor + "]}");
    Random random(1);
    const at::Tensor out = jitter->augment(picture, random).data;
    std::vector<int> pixel;
    for (int c = 0; c < 3; ++c) pixel.push_back(out[20][30][c].item<uint8_t>());
    EXPECT_EQ(pixel, one.pixel) << one.what << " " << factor;
    EXPECT_EQ(hash_of(out), one.hash) << one.what << " " << factor;
  }
}

TEST(ColorJitter, DrawsFactorsFromTheirRange) {
  at::Tensor white = at::empty({1, 1, 3}, at::kByte).fill_(200);
  const Built<Transform> jitter("{type: color_jitter, brightness: 0.25}");
  double sum = 0;
  int least = 255, most = 0;
  for (int i = 0; i < 1000; ++i) {
    Random random(i);
    const int value = jitter->augment({white}, random).data[0][0][0].item<uint8_t>();
    sum += value;
    least = std::min(least, value);
    most = std::max(most, value);
  }
  EXPECT_GE(least, 149);
  EXPECT_LE(least, 152);
  EXPECT_GE(most, 247);
  EXPECT_LE(most, 250);
  EXPECT_NEAR(sum / 1000, 199.5, 3.7);  // four standard deviations
}

// Brightness and contrast don't commute, because brightness clips at white.
TEST(ColorJitter, DrawsTheOrder) {
  const Built<Transform> jitter(
      "{type: color_jitter, brightness: [1.8, 1.8], contrast: [0.3, 0.3], saturation: [1.5, 1.5], hue: [0.2, "
      "0.2]}");
  std::set<std::string> results;
  for (int i = 0; i < 200; ++i) {
    Random random(i), again(i);
    const std::string result = hash_of(jitter->augment(test_picture(), random).data);
    EXPECT_EQ(result, hash_of(jitter->augment(test_picture(), again).data));
    results.insert(result);
  }
  EXPECT_EQ(results.size(), 24u);
}

TEST(ColorJitter, DoesNothingOutsideTrainingOrWithoutFactors) {
  const Pixels picture = test_picture();
  const Built<Transform> all("{type: color_jitter, brightness: 0.5, hue: 0.5}"), none("{type: color_jitter}");
  EXPECT_TRUE(all->apply(picture).data.equal(picture.data));
  Random random(1);
  EXPECT_TRUE(none->augment(picture, random).data.equal(picture.data));
}

TEST(ColorJitter, ChecksItsParameters) {
  for (const char* wrong : {"brightness: -1", "contrast: [2, 1]", "saturation: [-1, 1]", "hue: 0.6",
                            "hue: [-0.6, 0]", "hue: much", "brightness: [1]", "brightness: .nan"}) {
    try {
      Built<Transform>{std::string("{type: color_jitter, ") + wrong + "}"};
      ADD_FAILURE() << wrong;
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), testing::HasSubstr("or two numbers [min, max]")) << wrong;
    }
  }
}

}  // namespace
}  // namespace flam
