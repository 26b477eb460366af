// Files that hold several pictures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/error.h"
#include "framework/media/decode.h"
#include "tests/media/handmade.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using namespace test;
using testing::HasSubstr;

std::string error_in(const std::string& file) {
  return error_of([&] { decode_picture(file, "x.bin"); });
}

std::string animated_png(int frames) {
  return png(1, 8, 0, "\x07", chunk("acTL", big(frames, 4) + big(0, 4)));
}

std::string tiff_directory(int kind, int next) {
  return little(1, 2) + little(254, 2) + little(4, 2) + little(1, 4) + little(kind, 4) + little(next, 4);
}

std::string tiff(const std::string& further) {
  return Tiff{.width = 1, .pixels = "\1\2\3", .further = further}.bytes();
}

std::string gif(int pictures) {
  std::string out = "GIF89a" + little(1, 2) + little(1, 2) + "\x80\0\0"s + std::string(6, '\x7f');
  for (int i = 0; i < pictures; ++i)
    out += "!\xf9\x04\0\0\0\0\0"s + "," + little(0, 4) + little(1, 2) + little(1, 2) + "\0\2\2\x44\1\0"s;
  return out + ";";
}

TEST(Pages, AnimationsAreRefused) {
  EXPECT_THAT(error_in(animated_png(2)), HasSubstr("it is an animation; give one of its frames"));
  EXPECT_EQ(error_in(animated_png(1)), "");
  EXPECT_THAT(error_in(gif(2)), HasSubstr("it is an animation; give one of its frames"));
  EXPECT_THAT(error_in(gif(1)), testing::Not(HasSubstr("animation")));
  EXPECT_THAT(error_in(gif(0)), HasSubstr("holds no picture"));
  const std::string canvas = little(0, 3) + little(0, 3);
  const std::string body = "WEBP" + riff_chunk("VP8X", "\x02\0\0\0"s + canvas);
  EXPECT_THAT(error_in("RIFF" + little(body.size(), 4) + body), HasSubstr("it is an animation; give one"));
}

TEST(Pages, TiffFilesWithSeveralAreRefused) {
  constexpr int kPage = 2, kSmallerCopy = 1, kMask = 4;
  EXPECT_EQ(error_in(tiff("")), "");
  EXPECT_THAT(error_in(tiff(tiff_directory(kPage, 0))), HasSubstr("several pages; give one of them"));
  EXPECT_THAT(error_in(tiff(tiff_directory(0, 0))), HasSubstr("several pages"));
  EXPECT_EQ(error_in(tiff(tiff_directory(kSmallerCopy, 0))), "");
  EXPECT_EQ(error_in(tiff(tiff_directory(kMask, 0))), "");
  const auto at = static_cast<int>(tiff("").size());
  EXPECT_THAT(error_in(tiff(tiff_directory(kSmallerCopy, at))), HasSubstr("more than 64 directories"));
  EXPECT_THAT(error_in(tiff(tiff_directory(kSmallerCopy, 1 << 20))), HasSubstr("is truncated"));
}

}  // namespace
}  // namespace flam
