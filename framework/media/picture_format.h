#pragma once
// Detects the format of a picture from the first bytes of the file, as the decoder does. The name of the file
// is not used.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "framework/base/export.h"

namespace flam {

enum class PictureFormat {
  none,  // unknown
  // These are decoded.
  png,
  jpeg,
  webp,
  bmp,
  pnm,  // P1 to P6
  tiff,
  gif,
  // These are recognised only to refuse them with a reason.
  heic,
  avif,
  jpeg_xl,
  svg,
  html,
  git_lfs_pointer,
};

/// The number of bytes that sniff_picture() examines. Most formats are recognised within 18; SVG may need all
/// of them.
inline constexpr size_t kSniffedBytes = 512;

/// The format of the file that begins with `first_bytes`. They may be fewer than kSniffedBytes only if the
/// whole file is.
FLAM_API PictureFormat sniff_picture(std::string_view first_bytes);

/// Whether the format is one that decode_picture() takes.
FLAM_API bool is_decoded(PictureFormat format);

/// "PNG", "HEIC", …; "unknown" for none.
FLAM_API const char* name_of(PictureFormat format);

/// Says why a file of a format that is not decoded is refused, and what to do; follows the name of the file
/// in a message: "is a HEIC picture, which is not supported; convert it to JPEG or PNG".
FLAM_API std::string why_not_decoded(PictureFormat format);

/// Why a path that is a URL ("https://…", "file:///…", "data:image/…", also after a folder) is refused;
/// follows its name in a message. Nothing if it is an ordinary path.
FLAM_API std::optional<std::string> why_not_a_path(std::string_view path);

}  // namespace flam
