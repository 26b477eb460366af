#pragma once
// Builds picture files byte by byte, with features that OpenCV does not write: EXIF, all kinds of
// transparency, and pages.

#include <zlib.h>

#include <cstdint>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace flam::test {

using namespace std::string_literals;

inline std::string number(uint64_t value, int bytes, bool big_endian) {
  std::string out;
  for (int i = 0; i < bytes; ++i)
    out.push_back(static_cast<char>(value >> 8 * (big_endian ? bytes - 1 - i : i)));
  return out;
}
inline std::string big(uint64_t value, int bytes) {
  return number(value, bytes, true);
}
inline std::string little(uint64_t value, int bytes) {
  return number(value, bytes, false);
}

inline std::string encoded(const char* suffix, const cv::Mat& picture, const std::vector<int>& options = {}) {
  std::vector<uint8_t> bytes;
  if (!cv::imencode(suffix, picture, bytes, options)) return "";
  return {bytes.begin(), bytes.end()};
}

/// A TIFF header with one directory that holds the orientation alone.
inline std::string exif(int orientation, bool big_endian = true) {
  const auto n = [&](uint64_t value, int bytes) { return number(value, bytes, big_endian); };
  return (big_endian ? "MM" : "II") + n(42, 2) + n(8, 4) + n(1, 2) + n(274, 2) + n(3, 2) + n(1, 4) +
         n(orientation, 2) + n(0, 2) + n(0, 4);
}

// ---- JPEG

inline std::string jpeg_segment(int marker, const std::string& body) {
  return "\xff"s + static_cast<char>(marker) + big(body.size() + 2, 2) + body;
}
inline std::string exif_segment(int orientation, bool big_endian = true) {
  return jpeg_segment(0xe1, "Exif\0\0"s + exif(orientation, big_endian));
}
inline std::string xmp_segment() {
  return jpeg_segment(0xe1, "http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"s);
}

// ---- PNG

inline std::string chunk(const std::string& type, const std::string& body) {
  const std::string checked = type + body;
  const auto sum =
      crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  return big(body.size(), 4) + checked + big(sum, 4);
}
inline std::string deflated(const std::string& text) {
  uLongf length = compressBound(text.size());
  std::string out(length, '\0');
  compress(reinterpret_cast<Bytef*>(out.data()), &length, reinterpret_cast<const Bytef*>(text.data()),
           text.size());
  out.resize(length);
  return out;
}
/// `colours`: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha. `pixels` of one row of `width`.
inline std::string png(int width, int bits, int colours, const std::string& pixels,
                       const std::string& chunks = "") {
  return "\x89PNG\r\n\x1a\n" +
         chunk("IHDR", big(width, 4) + big(1, 4) + big(bits, 1) + big(colours, 1) + "\0\0\0"s) + chunks +
         chunk("IDAT", deflated("\0"s + pixels)) + chunk("IEND", "");
}
/// `added` is inserted before or after the pixels of a PNG file.
inline std::string with_chunk(std::string png, const std::string& added, bool behind = false) {
  return png.insert(png.find(behind ? "IEND" : "IDAT") - 4, added);
}
/// EXIF as ImageMagick writes it.
inline std::string profile_text(int orientation) {
  const std::string bytes = "Exif\0\0"s + exif(orientation);
  std::string out = "\nexif\n    " + std::to_string(bytes.size()) + "\n";
  for (size_t i = 0; i < bytes.size(); ++i) {
    out += "0123456789abcdef"[static_cast<unsigned char>(bytes[i]) / 16];
    out += "0123456789abcdef"[static_cast<unsigned char>(bytes[i]) % 16];
    if (i % 36 == 35) out += "\n";
  }
  return out + "\n";
}

// ---- WebP

inline std::string riff_chunk(const std::string& type, const std::string& body) {
  return type + little(body.size(), 4) + body + std::string(body.size() % 2, '\0');
}
/// A WebP file of one chunk, extended by EXIF.
inline std::string with_exif(const std::string& webp, int width, int height, const std::string& exif) {
  const std::string size = little(width - 1, 3) + little(height - 1, 3);
  const std::string body =
      "WEBP" + riff_chunk("VP8X", "\x08\0\0\0"s + size) + webp.substr(12) + riff_chunk("EXIF", exif);
  return "RIFF" + little(body.size(), 4) + body;
}

// ---- TIFF

struct Tiff {
  int width = 0, height = 1, values = 3, bits = 8;
  int colours = 2;  // RGB; 1: grey
  int extra = -1;   // meaning of a value behind the colours: 1 alpha that colours are multiplied by, 2 alpha
  int orientation = 0;
  bool big_endian = false;
  std::string pixels;
  std::string further = {};  // more directories, at `further_at()`

  std::string bytes() const {
    const auto n = [&](uint64_t value, int count) { return number(value, count, big_endian); };
    std::string entries;
    int count = 0;
    const auto add = [&](int tag, int type, int how_many, uint64_t value) {
      entries += n(tag, 2) + n(type, 2) + n(how_many, 4);
      entries += type == 3 && how_many == 1 ? n(value, 2) + n(0, 2) : n(value, 4);
      ++count;
    };
    const uint64_t bits_at = 8, pixels_at = 8 + 2 * uint64_t(values);
    add(256, 3, 1, width);
    add(257, 3, 1, height);
    if (values > 2) add(258, 3, values, bits_at);
    if (values == 1) add(258, 3, 1, bits);
    add(259, 3, 1, 1);
    add(262, 3, 1, colours);
    add(273, 4, 1, pixels_at);
    if (orientation != 0) add(274, 3, 1, orientation);
    add(277, 3, 1, values);
    add(278, 3, 1, height);
    add(279, 4, 1, pixels.size());
    if (extra >= 0) add(338, 3, 1, extra);
    std::string of_bits;
    for (int i = 0; i < values; ++i) of_bits += n(bits, 2);
    const std::string data = of_bits + pixels + std::string(pixels.size() % 2, '\0');
    const uint64_t directory = 8 + data.size(), next = directory + 2 + entries.size() + 4;
    return (big_endian ? "MM" : "II") + n(42, 2) + n(directory, 4) + data + n(count, 2) + entries +
           n(further.empty() ? 0 : next, 4) + further;
  }
};

}  // namespace flam::test
