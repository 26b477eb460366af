#pragma once
// Reads and changes the orientation of a picture in EXIF data.

#include <string>
#include <string_view>

#include "framework/base/export.h"

namespace flam {

/// Returns tag 274 in the first directory of an EXIF block (which is a small TIFF file, possibly after
/// "Exif\0\0") or of a TIFF file: 1 to 8. Returns 0 if the tag is missing or has another value, or if the
/// block is damaged.
FLAM_API int exif_orientation(std::string_view block);

/// Returns the TIFF file with its orientation set to 1, so that no decoder rotates the picture. A file
/// without an orientation is unchanged.
FLAM_API std::string without_orientation(std::string_view tiff);

}  // namespace flam
