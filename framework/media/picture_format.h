#pragma once
// What kind of picture a file holds, judged by its first bytes alone, as the decoder judges it. A file's name
// counts for nothing.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "framework/base/export.h"

namespace flam {

enum class PictureFormat {
  none,  // nothing that is known here
  // These are decoded.
  png,
  jpeg,
  webp,
  bmp,
  pnm,  // P1 to P6
  tiff,
  gif,
  // These are recognised in order to be refused with a reason.
  heic,
  avif,
  jpeg_xl,
  svg,
  html,
  git_lfs_pointer,
};

/// sniff_picture() looks at no more bytes than these. Most formats show within 18; SVG may take them all.
inline constexpr size_t kSniffedBytes = 512;

/// The format of the file that begins with `first_bytes`. They may be fewer than kSniffedBytes only if the
/// file is shorter, too.
FLAM_API PictureFormat sniff_picture(std::string_view first_bytes);

/// Whether the format is one that decode_picture() takes.
FLAM_API bool is_decoded(PictureFormat format);

/// "PNG", "HEIC", …; "unknown" for none.
FLAM_API const char* name_of(PictureFormat format);

/// Why a file of a format that is not decoded is refused and what to do, to follow its name in a message:
/// "is a HEIC picture, which is not read; convert it to JPEG or PNG".
FLAM_API std::string why_not_decoded(PictureFormat format);

/// Why a path that is a URL ("https://…", "file:///…", "data:image/…", also behind a folder) is refused, to
/// follow its name in a message; nothing if it is an ordinary path.
FLAM_API std::optional<std::string> why_not_a_path(std::string_view path);

}  // namespace flam
