#pragma once
#include <string>

#include "framework/media/picture.h"

namespace flam {

/// The bytes of a PNG file. RunError: the picture can't be encoded.
FLAM_API std::string encode_png(const Picture& picture);

}  // namespace flam
