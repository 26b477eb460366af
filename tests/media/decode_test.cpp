#include "framework/media/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <opencv2/imgcodecs.hpp>

#include "framework/base/error.h"
#include "framework/base/file.h"
#include "framework/media/encode.h"
#include "tests/media/noise.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using testing::HasSubstr;

cv::Mat bgr_noise(int height, int width) {
  const at::Tensor noise = noise_picture(height, width);
  return cv::Mat(height, width, CV_8UC3, noise.mutable_data_ptr()).clone();
}

std::string encoded(const char* suffix, int height = 21, int width = 34) {
  std::vector<uint8_t> bytes;
  EXPECT_TRUE(cv::imencode(suffix, bgr_noise(height, width), bytes));
  return {bytes.begin(), bytes.end()};
}

std::string error_of(const std::string& bytes, const DecodeOptions& options = {}) {
  return test::error_of([&] { decode_picture(bytes, "x.bin", options); });
}

const char* const kSuffixes[] = {".png", ".jpg", ".webp", ".bmp", ".ppm", ".tiff"};

TEST(Decode, GivesRgbOfEveryFormat) {
  const cv::Mat drawn = bgr_noise(21, 34);
  for (const char* suffix : kSuffixes) {
    const Picture picture = decode_picture(encoded(suffix), suffix);
    ASSERT_EQ(picture.rgb.sizes(), at::IntArrayRef({21, 34, 3})) << suffix;
    if (std::string_view(suffix) == ".jpg" || std::string_view(suffix) == ".webp") continue;  // lossy
    for (int channel = 0; channel < 3; ++channel) {
      EXPECT_EQ(picture.rgb[20][33][channel].item<uint8_t>(), drawn.at<cv::Vec3b>(20, 33)[2 - channel])
          << suffix;
    }
  }
}

TEST(Decode, ReducesAJpegOnly) {
  const auto size = [](const char* suffix, int64_t side) {
    return decode_reduced(encoded(suffix, 333, 650), "x", {}, side).rgb.sizes().vec();
  };
  EXPECT_EQ(size(".jpg", 160), (std::vector<int64_t>{84, 163, 3}));
  EXPECT_EQ(size(".jpg", 163), (std::vector<int64_t>{167, 325, 3}));
  EXPECT_EQ(size(".jpg", 1), (std::vector<int64_t>{42, 82, 3}));
  EXPECT_EQ(size(".jpg", 1000), (std::vector<int64_t>{333, 650, 3}));
  EXPECT_EQ(size(".png", 160), (std::vector<int64_t>{333, 650, 3}));
  EXPECT_THAT(test::error_of([] { decode_reduced(encoded(".jpg").substr(0, 400), "x", {}, 8); }),
              HasSubstr("is truncated"));
}

TEST(Encode, AThumbnailKeepsTheProportions) {
  const auto size = [](int64_t height, int64_t width) {
    const std::string jpeg = encode_thumbnail({noise_picture(height, width)}, 160);
    return decode_picture(jpeg, "thumbnail.jpg").rgb.sizes().vec();
  };
  EXPECT_EQ(size(300, 600), (std::vector<int64_t>{80, 160, 3}));
  EXPECT_EQ(size(600, 300), (std::vector<int64_t>{160, 80, 3}));
  EXPECT_EQ(size(20, 30), (std::vector<int64_t>{20, 30, 3}));
  EXPECT_EQ(size(2000, 1), (std::vector<int64_t>{160, 1, 3}));
}

TEST(Decode, TakesTheSmallestFile) {
  EXPECT_EQ(decode_picture(std::string("P4\n1 1\n\x80"), "dot.pbm").rgb.sizes(), at::IntArrayRef({1, 1, 3}));
}

TEST(Decode, RefusesEveryTruncatedFile) {
  for (const char* suffix : kSuffixes) {
    const std::string whole = encoded(suffix);
    for (size_t length = 0; length < whole.size(); length += length < 64 ? 1 : 37) {
      EXPECT_NE(error_of(whole.substr(0, length)), "")
          << suffix << " cut to " << length << " of " << whole.size();
    }
    EXPECT_THAT(error_of(whole.substr(0, whole.size() - 2)), HasSubstr("is truncated")) << suffix;
  }
}

TEST(Decode, SurvivesDamage) {
  for (const char* suffix : kSuffixes) {
    const std::string whole = encoded(suffix);
    for (size_t at = 0; at < whole.size(); at += at < 64 ? 1 : 29) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 0xff);
      try {
        decode_picture(damaged, suffix);
      } catch (const Error&) {  // both outcomes are correct, but a crash is not
      }
    }
  }
}

TEST(Decode, ChecksTheSizeBeforeDecoding) {
  for (const char* suffix : kSuffixes) {
    EXPECT_THAT(error_of(encoded(suffix), {.max_pixels = 21 * 34 - 1}), HasSubstr("34 x 21")) << suffix;
    EXPECT_EQ(error_of(encoded(suffix), {.max_pixels = int64_t{21} * 34}), "") << suffix;
  }
  std::string bomb = encoded(".png");
  bomb.replace(16, 8, std::string("\x7f\xff\xff\xff\x7f\xff\xff\xff", 8));
  EXPECT_THAT(error_of(bomb), HasSubstr("more than the limit of 100000000"));
  EXPECT_THAT(error_of(encoded(".png"), {.max_bytes = 10}), HasSubstr("limit of 10"));
}

// If the header were read differently here and in the decoder, the limit could be exceeded.
TEST(Decode, RefusesAmbiguousHeaders) {
  EXPECT_THAT(error_of("P1\n#c\r20000 16000\n1 1\n"), HasSubstr("20000 x 16000"));
  EXPECT_THAT(error_of("P1\n20000#16000 1\n1 1\n"), HasSubstr("not followed by white space"));
  std::string twice = encoded(".tiff");
  const size_t directory = static_cast<unsigned char>(twice[4]) + 256 * static_cast<unsigned char>(twice[5]) +
                           65536 * static_cast<unsigned char>(twice[6]);
  for (size_t entry = directory + 2; entry < directory + 2 + 12 * 3; entry += 12)
    twice[entry] = 0, twice[entry + 1] = 1;
  EXPECT_THAT(error_of(twice), HasSubstr("gives its size twice"));
  std::string jpeg = encoded(".jpg");
  const std::string scan = jpeg.substr(jpeg.find("\xff\xda"), jpeg.size() - 2 - jpeg.find("\xff\xda"));
  const std::string head = jpeg.substr(0, jpeg.find("\xff\xda"));
  std::string scans;
  for (int i = 0; i < 101; ++i) scans += scan;
  EXPECT_THAT(error_of(head + scans + "\xff\xd9"), HasSubstr("more than 100 scans"));
}

TEST(Decode, RefusesFilesThatAreNotPictures) {
  EXPECT_THAT(error_of(""), HasSubstr("empty"));
  EXPECT_THAT(error_of("<VRTDataset rasterXSize=\"1\"></VRTDataset>"), HasSubstr("is not a picture"));
  EXPECT_THAT(error_of("P6\n0 7\n255\n"), HasSubstr("0 x 7"));
  EXPECT_THAT(error_of("P6\n9999999999 1\n255\n"), HasSubstr("nine digits"));
  EXPECT_THAT(error_of(std::string("GIF89a\x01\0\x01\0\0\0\0;", 14)), HasSubstr("GIF"));
}

TEST(LoadPicture, NamesTheFileThatCantBeRead) {
  const auto error = [](const std::string& path) {
    return test::error_of([&] { load_picture({.path = path}, {}); });
  };
  EXPECT_THAT(error("/nowhere/x.png"), HasSubstr("/nowhere/x.png"));
  EXPECT_THAT(error("/dev/zero"), HasSubstr("/dev/zero"));
  EXPECT_THAT(error(std::filesystem::temp_directory_path()),
              HasSubstr(std::filesystem::temp_directory_path()));
}

TEST(LoadPicture, TakesFileBytesOrPixels) {
  const auto path =
      std::filesystem::temp_directory_path() / ("flam_decode_test_" + std::to_string(getpid()) + ".png");
  const std::string bytes = encoded(".png");
  write_file(path, bytes);
  const Picture from_file = load_picture({.path = path}, {});
  std::filesystem::remove(path);
  const Picture from_bytes = load_picture({.bytes = std::make_shared<const std::string>(bytes)}, {});
  const Picture as_it_is = load_picture({.picture = from_file}, {});
  EXPECT_TRUE(from_file.rgb.equal(from_bytes.rgb));
  EXPECT_TRUE(as_it_is.rgb.is_same(from_file.rgb));
}

TEST(ContentKey, DependsOnPixelsAndShape) {
  const Picture a{noise_picture(4, 6)};
  Picture b{a.rgb.clone()};
  EXPECT_EQ(content_key(a), content_key(b));
  EXPECT_NE(content_key(a), content_key({a.rgb.reshape({6, 4, 3})}));
  b.rgb[3][5][2].fill_(b.rgb[3][5][2].item<uint8_t>() ^ 1);
  EXPECT_NE(content_key(a), content_key(b));
}

TEST(EncodePng, IsDecodedUnchanged) {
  const Picture picture{noise_picture(9, 14)};
  EXPECT_TRUE(picture.rgb.equal(decode_picture(encode_png(picture), "again").rgb));
}

}  // namespace
}  // namespace flam
