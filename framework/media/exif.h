#pragma once
// The one tag of EXIF that a picture can't be shown without: its orientation.

#include <string>
#include <string_view>

#include "framework/base/export.h"

namespace flam {

/// Tag 274 in the first directory of an EXIF block, which is a small TIFF file, or of a TIFF file: 1 to 8.
/// "Exif\0\0" may stand before it. 0 if it isn't there, isn't one of these numbers, or the block is damaged.
FLAM_API int exif_orientation(std::string_view block);

/// The TIFF file with its orientation set to 1, so that no decoder turns the picture. Unchanged if it has
/// none.
FLAM_API std::string without_orientation(std::string_view tiff);

}  // namespace flam
