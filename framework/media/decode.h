#pragma once
#include "framework/media/decode_options.h"
#include "framework/media/picture.h"

namespace flam {

/// Decodes as the references do (mmcv with OpenCV, IMREAD_COLOR): 16 bits to 8, grey and palette to colour;
/// alpha dropped or laid over a background, and orientation applied or ignored, as the options say. Returned
/// as RGB. Only PNG, JPEG, WebP, BMP, PNM, TIFF and GIF signatures reach OpenCV, and the size is read from
/// the header first. `name` is how messages call it. Error: empty, a format that is not decoded, several
/// frames or pages, too large, cut off, broken.
FLAM_API Picture decode_picture(const std::string& bytes, const std::string& name,
                                const DecodeOptions& options = {});

/// The bytes of a picture file. Error: missing, not a regular file, a URL, too large.
FLAM_API std::string read_picture_file(const std::string& path, const DecodeOptions& options);

/// Reads the file if there is one, then decodes. Error besides: missing, not a regular file, a URL.
FLAM_API Picture load_picture(const PictureSource& source, const DecodeOptions& options);

struct PictureSize {
  int64_t height = 0, width = 0;  // pixels
};

/// The size of the picture that load_picture() gives, from the header alone. Error: as load_picture(), but
/// for pixels that are broken.
FLAM_API PictureSize picture_size(const PictureSource& source, const DecodeOptions& options);

}  // namespace flam
