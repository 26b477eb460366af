#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "framework/base/export.h"

namespace flam {

/// What a picture's pixels depend on besides its file, and how much the file may ask for.
struct FLAM_API DecodeOptions {
  /// Whether a picture is turned as its file says (EXIF in JPEG, PNG, WebP, TIFF).
  enum class Orientation { apply, ignore };

  Orientation orientation = Orientation::apply;
  /// RGB: shows where a picture is transparent. None: alpha is dropped, and what lies under it shows (in
  /// TIFF, whose decoder multiplies 8-bit colours by alpha, black).
  std::optional<std::array<uint8_t, 3>> background;
  int64_t max_pixels = 100'000'000;
  int64_t max_bytes = 256 << 20;  // of the encoded file

  bool operator==(const DecodeOptions&) const = default;
  /// Equal for equal options only; a part of keys.
  std::string key() const;
};

}  // namespace flam
