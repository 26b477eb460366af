#pragma once
#include <string>

#include "framework/media/picture.h"

namespace flam {

/// The bytes of a PNG file. RunError: it can't be encoded.
FLAM_API std::string encode_png(const Picture& picture);

}  // namespace flam
