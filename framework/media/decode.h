#pragma once
#include "framework/media/decode_options.h"
#include "framework/media/picture.h"

namespace flam {

/// Decodes a picture as the references do (mmcv with OpenCV, IMREAD_COLOR): 16 bits to 8, grey and palette to
/// colour; alpha dropped or laid over a background, and orientation applied or ignored, as the options say.
/// Returns RGB. Only files with a PNG, JPEG, WebP, BMP, PNM, TIFF or GIF signature are passed to OpenCV, and
/// their size is read from the header before. Messages call the picture `name`. Error: the file is empty,
/// truncated, broken or too large, has an unsupported format, or holds several frames or pages.
FLAM_API Picture decode_picture(const std::string& bytes, const std::string& name,
                                const DecodeOptions& options = {});

/// Like decode_picture(), but smaller if that saves time: a JPEG picture is decoded at 1/2, 1/4 or 1/8 of its
/// size, such that its longer side has at least `side` pixels.
FLAM_API Picture decode_reduced(const std::string& bytes, const std::string& name,
                                const DecodeOptions& options, int64_t side);

/// The bytes of a picture file. Error: missing, not a regular file, a URL, too large.
FLAM_API std::string read_picture_file(const std::string& path, const DecodeOptions& options);

/// Returns the pixels of the source, or reads and decodes it. Error: as decode_picture() and
/// read_picture_file(); or the source has only features.
FLAM_API Picture load_picture(const PictureSource& source, const DecodeOptions& options);

/// The size of the picture that load_picture() gives, from the header alone. Error: as load_picture(), except
/// that broken pixels are not detected.
FLAM_API PictureSize picture_size(const PictureSource& source, const DecodeOptions& options);

}  // namespace flam
