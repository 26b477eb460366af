#include "framework/media/picture_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>

#include "framework/base/error.h"
#include "framework/media/decode.h"
#include "framework/media/picture_header.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;

struct Sample {
  PictureFormat format;
  std::string bytes;
};

const std::vector<Sample>& refused() {
  static const std::vector<Sample> kSamples = {
      {PictureFormat::heic, "\0\0\0\x18"s + "ftypheic" + "\0\0\0\0"s + "mif1heic"},
      {PictureFormat::heic, "\0\0\0\x18"s + "ftypmif1" + "\0\0\0\0"s + "mif1heic"},
      {PictureFormat::heic, "\0\0\0\x10"s + "ftypmsf1" + "\0\0\0\0"s},
      {PictureFormat::avif, "\0\0\0\x1c"s + "ftypavif" + "\0\0\0\0"s + "mif1miaf"},
      {PictureFormat::avif, "\0\0\0\x1c"s + "ftypmif1" + "\0\0\0\0"s + "mif1avif"},
      {PictureFormat::jpeg_xl, "\xff\x0a\x7f"},
      {PictureFormat::jpeg_xl, "\0\0\0\x0cJXL \r\n\x87\n"s},
      {PictureFormat::svg, "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"},
      {PictureFormat::svg, "\xef\xbb\xbf\n<?xml version=\"1.0\"?>\n<!-- made by hand -->\n<svg/>"},
      {PictureFormat::html, "\r\n<!DOCTYPE html><svg/>"},
      {PictureFormat::html, "<HTML><body>404</body></HTML>"},
      {PictureFormat::git_lfs_pointer,
       "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"},
  };
  return kSamples;
}

TEST(SniffPicture, KnowsEveryFormatThatIsDecoded) {
  const cv::Mat drawn(5, 7, CV_8UC3, cv::Scalar(10, 20, 30));
  const std::pair<const char*, PictureFormat> formats[] = {
      {".png", PictureFormat::png}, {".jpg", PictureFormat::jpeg}, {".webp", PictureFormat::webp},
      {".bmp", PictureFormat::bmp}, {".ppm", PictureFormat::pnm},  {".tiff", PictureFormat::tiff}};
  for (const auto& [suffix, format] : formats) {
    std::vector<uint8_t> bytes;
    ASSERT_TRUE(cv::imencode(suffix, drawn, bytes));
    const std::string whole(bytes.begin(), bytes.end());
    EXPECT_EQ(sniff_picture(whole), format) << suffix;
    EXPECT_EQ(sniff_picture(whole.substr(0, 18)), format) << suffix;
    EXPECT_EQ(read_picture_header(whole, suffix).format, format) << suffix;
    EXPECT_TRUE(is_decoded(format));
  }
  EXPECT_EQ(sniff_picture("P1#c\n1 1\n1"), PictureFormat::pnm);
  EXPECT_EQ(sniff_picture("GIF89a"), PictureFormat::gif);
}

TEST(SniffPicture, KnowsTheFormatsThatAreRefused) {
  for (const auto& [format, bytes] : refused()) {
    EXPECT_EQ(sniff_picture(bytes), format) << bytes;
    EXPECT_FALSE(is_decoded(format));
  }
}

TEST(SniffPicture, DoesNotMistakeTextForAPicture) {
  for (const char* text : {"", "B", "BMW is a make of cars.", "P1", "P1 is the first of six.", "P3\nscript",
                           "<VRTDataset rasterXSize=\"1\"></VRTDataset>", "{\"image\": \"a.svg\"}", "ftyp",
                           "no version https://git-lfs.github.com/spec/v1"}) {
    EXPECT_EQ(sniff_picture(text), PictureFormat::none) << text;
  }
  EXPECT_FALSE(is_decoded(PictureFormat::none));
}

TEST(Decode, NamesTheUnsupportedFormatAndSaysWhatToDo) {
  for (const auto& [format, bytes] : refused()) {
    try {
      decode_picture(bytes, "x.jpg");
      FAIL() << name_of(format);
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("'x.jpg' is a")) << name_of(format);
      EXPECT_THAT(error.what(), HasSubstr(name_of(format)));
      EXPECT_THAT(error.what(), HasSubstr("; ")) << "what to do";
    }
  }
}

TEST(LoadPicture, NamesUrls) {
  const auto error = [](const std::string& path) {
    return test::error_of([&] { load_picture({.path = path}, {}); });
  };
  EXPECT_THAT(error("https://example.org/a.png"), HasSubstr("download the picture"));
  EXPECT_THAT(error("requests/http://example.org/a.png"), HasSubstr("download the picture"));
  EXPECT_THAT(error("file:///a.png"), HasSubstr("give the path alone"));
  EXPECT_THAT(error("data:image/png;base64,iVBORw0K"), HasSubstr("save the picture to a file"));
  EXPECT_THAT(error("nowhere/my-http:/a.png"), testing::Not(HasSubstr("URL")));
}

}  // namespace
}  // namespace flam
