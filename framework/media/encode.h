#pragma once
#include <string>

#include "framework/media/picture.h"

namespace flam {

/// The bytes of a PNG file. RunError: the picture can't be encoded.
FLAM_API std::string encode_png(const Picture& picture);

/// The bytes of a JPEG file of the picture, made smaller where it is wider or higher than `side` pixels.
/// RunError: the picture can't be encoded.
FLAM_API std::string encode_thumbnail(const Picture& picture, int64_t side);

}  // namespace flam
