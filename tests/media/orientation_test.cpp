#include <ATen/ops/empty.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "framework/base/error.h"
#include "framework/base/file.h"
#include "framework/media/decode.h"
#include "framework/media/exif.h"
#include "framework/media/picture_header.h"
#include "tests/media/handmade.h"
#include "tests/media/noise.h"

namespace flam {
namespace {

using namespace test;

constexpr int kHeight = 5, kWidth = 7;
constexpr DecodeOptions kAsStored{.orientation = DecodeOptions::Orientation::ignore};

cv::Mat noise() {
  const at::Tensor noise = noise_picture(kHeight, kWidth);
  return cv::Mat(kHeight, kWidth, CV_8UC3, noise.mutable_data_ptr()).clone();
}

/// As the EXIF standard says: the visual sides of the first row and of the first column.
at::Tensor as_looked_at(const at::Tensor& stored, int orientation) {
  enum Side { top, bottom, left, right };
  static constexpr std::pair<Side, Side> kSides[] = {{top, left},     {top, right},  {bottom, right},
                                                     {bottom, left},  {left, top},   {right, top},
                                                     {right, bottom}, {left, bottom}};
  const auto [of_row, of_column] = kSides[orientation - 1];
  const int64_t rows = stored.size(0), columns = stored.size(1);
  const bool upright = of_row == top || of_row == bottom;
  const int64_t height = upright ? rows : columns, width = upright ? columns : rows;
  at::Tensor out = at::empty({height, width, 3}, at::kByte);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      int64_t y = 0, x = 0;
      for (const auto& [side, i] : {std::pair(of_row, row), std::pair(of_column, column)}) {
        if (side == top) y = i;
        if (side == bottom) y = height - 1 - i;
        if (side == left) x = i;
        if (side == right) x = width - 1 - i;
      }
      out[y][x].copy_(stored[row][column]);
    }
  }
  return out;
}

struct Writer {
  const char* name;
  std::function<std::string(int orientation)> file;  // 0: without one
};

std::vector<Writer> writers() {
  static const std::string kJpeg = encoded(".jpg", noise());
  static const std::string kPng = encoded(".png", noise());
  static const std::string kWebp = encoded(".webp", noise(), {cv::IMWRITE_WEBP_QUALITY, 101});
  const auto jpeg = [](const std::string& segments) {
    return kJpeg.substr(0, 2) + segments + kJpeg.substr(2);
  };
  const auto text = [](const std::string& type, const std::string& keyword, const std::string& body) {
    return with_chunk(kPng, chunk(type, keyword + "\0"s + body));
  };
  const auto tiff = [](int orientation, int bits, bool big_endian) {
    const at::Tensor noise = noise_picture(kHeight, kWidth * bits / 8);
    return Tiff{
        .width = kWidth,
        .height = kHeight,
        .bits = bits,
        .orientation = orientation,
        .big_endian = big_endian,
        .pixels = {static_cast<const char*>(noise.const_data_ptr()), static_cast<size_t>(noise.numel())}}
        .bytes();
  };
  return {
      {"JPEG", [=](int o) { return jpeg(o ? exif_segment(o) : ""); }},
      {"JPEG, little endian", [=](int o) { return jpeg(o ? exif_segment(o, false) : ""); }},
      {"JPEG, behind XMP", [=](int o) { return jpeg(xmp_segment() + (o ? exif_segment(o) : "")); }},
      {"JPEG, before XMP", [=](int o) { return jpeg((o ? exif_segment(o) : "") + xmp_segment()); }},
      {"JPEG, right before the scan",
       [](int o) {
         std::string file = kJpeg;
         return o ? file.insert(file.find("\xff\xda"), exif_segment(o)) : file;
       }},
      {"PNG, eXIf", [](int o) { return o ? with_chunk(kPng, chunk("eXIf", exif(o))) : kPng; }},
      {"PNG, eXIf behind the pixels",
       [](int o) { return o ? with_chunk(kPng, chunk("eXIf", exif(o)), true) : kPng; }},
      {"PNG, tEXt", [=](int o) { return o ? text("tEXt", "Raw profile type exif", profile_text(o)) : kPng; }},
      {"PNG, tEXt of APP1",
       [=](int o) { return o ? text("tEXt", "Raw profile type APP1", profile_text(o)) : kPng; }},
      {"PNG, zTXt",
       [=](int o) {
         return o ? text("zTXt", "Raw profile type exif", "\0"s + deflated(profile_text(o))) : kPng;
       }},
      {"PNG, iTXt",
       [=](int o) {
         return o ? text("iTXt", "Raw profile type exif", "\0\0en\0\0"s + profile_text(o)) : kPng;
       }},
      {"PNG, compressed iTXt",
       [=](int o) {
         return o ? text("iTXt", "Raw profile type exif", "\1\0\0\0"s + deflated(profile_text(o))) : kPng;
       }},
      {"WebP", [](int o) { return o ? with_exif(kWebp, kWidth, kHeight, exif(o, false)) : kWebp; }},
      {"WebP, with Exif before the block",
       [](int o) { return o ? with_exif(kWebp, kWidth, kHeight, "Exif\0\0"s + exif(o)) : kWebp; }},
      {"TIFF", [=](int o) { return tiff(o, 8, false); }},
      {"TIFF, big endian", [=](int o) { return tiff(o, 8, true); }},
      {"TIFF, 16 bits", [=](int o) { return tiff(o, 16, false); }},
  };
}

TEST(Orientation, IsAppliedInEveryFormat) {
  for (const Writer& writer : writers()) {
    const at::Tensor stored = decode_picture(writer.file(0), writer.name).rgb;
    ASSERT_EQ(stored.sizes(), at::IntArrayRef({kHeight, kWidth, 3}));
    for (int orientation = 1; orientation <= 8; ++orientation) {
      const std::string file = writer.file(orientation);
      EXPECT_EQ(read_picture_header(file, writer.name).orientation, orientation) << writer.name;
      EXPECT_TRUE(decode_picture(file, writer.name).rgb.equal(as_looked_at(stored, orientation)))
          << writer.name << ", " << orientation;
    }
  }
}

TEST(Orientation, IsIgnoredIfTheOptionsSaySo) {
  for (const Writer& writer : writers()) {
    const at::Tensor stored = decode_picture(writer.file(0), writer.name).rgb;
    for (const int orientation : {1, 3, 6, 7})
      EXPECT_TRUE(decode_picture(writer.file(orientation), writer.name, kAsStored).rgb.equal(stored))
          << writer.name << ", " << orientation;
  }
}

TEST(Orientation, IsAppliedToTheSizeFromTheHeader) {
  for (const Writer& writer : writers()) {
    for (const int orientation : {0, 1, 4, 5, 8}) {
      const PictureSource source{.bytes = std::make_shared<const std::string>(writer.file(orientation))};
      for (const DecodeOptions& options : {DecodeOptions{}, kAsStored}) {
        const PictureSize size = picture_size(source, options);
        const Picture picture = load_picture(source, options);
        EXPECT_EQ(size.height, picture.height()) << writer.name;
        EXPECT_EQ(size.width, picture.width()) << writer.name;
      }
    }
  }
}

TEST(Orientation, EqualsThatOfOpenCv) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const std::string jpeg = encoded(".jpg", noise());
    const std::string file = jpeg.substr(0, 2) + exif_segment(orientation) + jpeg.substr(2);
    const cv::Mat bgr = cv::imdecode(std::vector<uint8_t>(file.begin(), file.end()), cv::IMREAD_COLOR);
    const at::Tensor ours = decode_picture(file, "x.jpg").rgb.flip(2).contiguous();
    ASSERT_EQ(ours.sizes(), at::IntArrayRef({bgr.rows, bgr.cols, 3}));
    EXPECT_EQ(std::memcmp(ours.const_data_ptr(), bgr.data, ours.numel()), 0) << orientation;
  }
}

TEST(Orientation, IsUprightWhereTheBlockIsDamaged) {
  for (const int wrong : {0, 9, 65535}) EXPECT_EQ(exif_orientation(exif(wrong)), 0);
  const std::string whole = "Exif\0\0"s + exif(6);
  EXPECT_EQ(exif_orientation(whole), 6);
  for (size_t length = 0; length < 6 + 8 + 2 + 12; ++length)
    EXPECT_EQ(exif_orientation(whole.substr(0, length)), 0);
  const std::string jpeg = encoded(".jpg", noise());
  const std::string file = jpeg.substr(0, 2) + jpeg_segment(0xe1, whole.substr(0, 20)) + jpeg.substr(2);
  EXPECT_EQ(decode_picture(file, "x.jpg").height(), kHeight);
}

TEST(Orientation, OfTheFieldPictures) {
  const std::string folder = FLAM_SOURCE_DIR "/tests/media/pictures/";
  const Picture first = load_picture({.path = folder + "exif6_before_xmp.jpg"}, {});
  const Picture second = load_picture({.path = folder + "xmp_before_exif6.jpg"}, {});
  EXPECT_TRUE(first.rgb.equal(second.rgb));
  EXPECT_FALSE(first.rgb.equal(load_picture({.path = folder + "xmp_before_exif6.jpg"}, kAsStored).rgb));
}

TEST(Orientation, InACompressedTextUsesLittleMemory) {
  const std::string bomb(64 << 20, '\n');
  const std::string text = chunk("zTXt", "Raw profile type exif\0\0"s + deflated(bomb));
  std::string texts;
  for (int i = 0; i < 100; ++i) texts += text;
  EXPECT_EQ(read_picture_header(with_chunk(encoded(".png", noise()), texts), "x.png").orientation, 1);
}

}  // namespace
}  // namespace flam
