#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "framework/base/export.h"

namespace flam {

/// How a picture is decoded, and the limits on its size.
struct FLAM_API DecodeOptions {
  /// Whether a picture is rotated as its file specifies (EXIF in JPEG, PNG, WebP and TIFF).
  enum class Orientation { apply, ignore };

  Orientation orientation = Orientation::apply;
  /// The RGB colour behind transparent pixels. Not set: alpha is dropped, and the colours stored in
  /// transparent pixels are used (black in TIFF, whose decoder multiplies 8-bit colours by alpha).
  std::optional<std::array<uint8_t, 3>> background;
  int64_t max_pixels = 100'000'000;
  int64_t max_bytes = 256 << 20;  // of the encoded file

  bool operator==(const DecodeOptions&) const = default;
  /// A text that is equal for equal options only, for use in cache keys.
  std::string key() const;
};

}  // namespace flam
