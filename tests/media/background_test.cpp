#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/error.h"
#include "framework/media/decode.h"
#include "tests/media/handmade.h"

namespace flam {
namespace {

using namespace test;
using testing::HasSubstr;

using Rgb = std::array<int, 3>;

const DecodeOptions kOnBackground{.background = {{200, 100, 0}}};

Rgb pixel(const std::string& file, int x, const DecodeOptions& options = kOnBackground) {
  const at::Tensor found = decode_picture(file, "x.bin", options).rgb[0][x];
  return {found[0].item<uint8_t>(), found[1].item<uint8_t>(), found[2].item<uint8_t>()};
}

// Pixel 0 is transparent. Pixel 1 has alpha 128 of 255 if the format has levels of alpha, and is opaque
// otherwise.
struct Sample {
  const char* name;
  std::string file;
  Rgb hidden, first, second;  // `hidden`: first pixel without a background; the others: with it
};

Rgb half(const Rgb& colour) {
  Rgb out{};
  for (int i = 0; i < 3; ++i) out[i] = (colour[i] * 128 + (*kOnBackground.background)[i] * 127 + 127) / 255;
  return out;
}

std::string words(const std::vector<int>& values, bool big_endian = true) {
  std::string out;
  for (const int value : values) out += number(value, 2, big_endian);
  return out;
}

std::vector<Sample> samples() {
  const Rgb background{200, 100, 0};
  cv::Mat bgra(1, 2, CV_8UC4);
  bgra.at<cv::Vec4b>(0, 0) = {30, 20, 10, 0};
  bgra.at<cv::Vec4b>(0, 1) = {60, 50, 40, 128};
  const Rgb ten{10, 20, 30}, forty{40, 50, 60};
  const std::string palette = chunk("PLTE", "\x0a\x14\x1e\x28\x32\x3c") + chunk("tRNS", "\0\x80"s);
  const std::string masks = little(0xff0000, 4) + little(0xff00, 4) + little(0xff, 4) + little(0xff000000, 4);
  const std::string bmp_header = little(108, 4) + little(2, 4) + little(1, 4) + little(1, 2) + little(32, 2) +
                                 little(3, 4) + std::string(20, '\0') + masks + "BGRs" +
                                 std::string(48, '\0');
  const std::string bmp = "BM" + little(14 + 108 + 8, 4) + little(0, 4) + little(14 + 108, 4) + bmp_header +
                          "\x1e\x14\x0a\0\x3c\x32\x28\x80"s;
  const auto tiff = [](int bits, int extra, const std::string& pixels) {
    return Tiff{.width = 2, .values = 4, .bits = bits, .extra = extra, .pixels = pixels}.bytes();
  };
  const std::string multiplied = "\0\0\0\0\x14\x19\x1e\x80"s;
  const Rgb multiplied_half{(20 * 255 + 200 * 127 + 127) / 255, (25 * 255 + 100 * 127 + 127) / 255, 30};
  return {
      {"PNG, RGB and alpha", encoded(".png", bgra), ten, background, half(forty)},
      {"PNG, RGB and alpha, 16 bits",
       png(2, 16, 6, words({0xaff, 0x14ff, 0x1e00, 0xff, 0x28ff, 0x3200, 0x3c00, 0x8000})), ten, background,
       half(forty)},
      {"PNG, grey and alpha", png(2, 8, 4, "\x07\0\x09\x80"s), {7, 7, 7}, background, half({9, 9, 9})},
      {"PNG, palette", png(2, 8, 3, "\0\1"s, palette), ten, background, half(forty)},
      {"PNG, palette of 2 bits", png(2, 2, 3, "\x10", palette), ten, background, half(forty)},
      {"PNG, one transparent RGB",
       png(2, 8, 2, "\x0a\x14\x1e\x28\x32\x3c", chunk("tRNS", words({10, 20, 30}))), ten, background, forty},
      {"PNG, one transparent RGB, 16 bits",
       png(2, 16, 2, words({0xa00, 0x1400, 0x1e00, 0xa01, 0x1400, 0x1e00}),
           chunk("tRNS", words({0xa00, 0x1400, 0x1e00}))),
       ten, background, ten},
      {"PNG, one transparent grey",
       png(2, 8, 0, "\x07\x09", chunk("tRNS", words({7}))),
       {7, 7, 7},
       background,
       {9, 9, 9}},
      {"PNG, one transparent grey, 2 bits",
       png(2, 2, 0, "\x70", chunk("tRNS", words({1}))),
       {85, 85, 85},
       background,
       {255, 255, 255}},
      {"PNG, one transparent grey, 16 bits",
       png(2, 16, 0, words({0x701, 0x700}), chunk("tRNS", words({0x701}))),
       {7, 7, 7},
       background,
       {7, 7, 7}},
      {"WebP", encoded(".webp", bgra, {cv::IMWRITE_WEBP_QUALITY, 101}), {}, background, half(forty)},
      {"BMP", bmp, ten, background, half(forty)},
      {"TIFF, alpha", tiff(8, 2, "\x0a\x14\x1e\0\x28\x32\x3c\x80"s), {0, 0, 0}, background, multiplied_half},
      {"TIFF, colours multiplied by alpha", tiff(8, 1, multiplied), {0, 0, 0}, background, multiplied_half},
      {"TIFF, a fourth value of unknown meaning",
       tiff(8, -1, multiplied),
       {0, 0, 0},
       background,
       multiplied_half},
      {"TIFF, alpha, 16 bits",
       tiff(16, 2, words({0xa00, 0x1400, 0x1e00, 0, 0x2800, 0x3200, 0x3c00, 0x8000}, false)),
       {0, 0, 0},
       background,
       half(forty)},
      {"TIFF, colours multiplied by alpha, 16 bits",
       tiff(16, 1, words({0, 0, 0, 0, 0x1400, 0x1900, 0x1e00, 0x8000}, false)),
       {0, 0, 0},
       background,
       multiplied_half},
  };
}

TEST(Background, ShowsWhereAPictureIsTransparent) {
  for (const Sample& sample : samples()) {
    EXPECT_EQ(pixel(sample.file, 0), sample.first) << sample.name;
    EXPECT_EQ(pixel(sample.file, 1), sample.second) << sample.name;
  }
}

TEST(Background, WithoutOneStoredColoursShow) {
  for (const Sample& sample : samples()) {
    if (std::string_view(sample.name) == "WebP") continue;  // its encoder clears invisible pixels
    EXPECT_EQ(pixel(sample.file, 0, {}), sample.hidden) << sample.name;
  }
}

TEST(Background, ChangesNoOpaquePicture) {
  cv::Mat picture(9, 11, CV_8UC3);
  cv::randu(picture, 0, 256);
  for (const char* suffix : {".png", ".jpg", ".webp", ".bmp", ".ppm", ".tiff"}) {
    const std::string file = encoded(suffix, picture);
    EXPECT_TRUE(decode_picture(file, suffix).rgb.equal(decode_picture(file, suffix, kOnBackground).rgb))
        << suffix;
  }
}

TEST(Background, WorksWithAnOrientation) {
  cv::Mat bgra(1, 2, CV_8UC4);
  bgra.at<cv::Vec4b>(0, 0) = {30, 20, 10, 0};
  bgra.at<cv::Vec4b>(0, 1) = {60, 50, 40, 255};
  const Picture picture =
      decode_picture(with_chunk(encoded(".png", bgra), chunk("eXIf", exif(8))), "x.png", kOnBackground);
  ASSERT_EQ(picture.rgb.sizes(), at::IntArrayRef({2, 1, 3}));  // rotated counterclockwise
  EXPECT_EQ(picture.rgb[0][0][0].item<uint8_t>(), 40);
  EXPECT_EQ(picture.rgb[1][0][0].item<uint8_t>(), 200);
}

TEST(Background, IsRefusedWhereOpenCvGivesNoAlpha) {
  const std::string file =
      Tiff{.width = 1, .values = 2, .bits = 8, .colours = 1, .extra = 2, .pixels = "\x0a\x80"}.bytes();
  try {
    decode_picture(file, "x.tif", kOnBackground);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("convert it to PNG"));
  }
}

TEST(DecodeOptions, HaveKeysThatDifferWhereTheyDo) {
  using Orientation = DecodeOptions::Orientation;
  const std::vector<DecodeOptions> all = {{},
                                          {.orientation = Orientation::ignore},
                                          {.background = {{0, 0, 0}}},
                                          {.background = {{0, 0, 1}}},
                                          {.max_pixels = 5},
                                          {.max_bytes = 5}};
  for (const DecodeOptions& a : all) {
    for (const DecodeOptions& b : all) EXPECT_EQ(a.key() == b.key(), a == b) << a.key();
  }
}

}  // namespace
}  // namespace flam
