#include "framework/media/picture_header.h"

#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/media/header_reader.h"

namespace flam {
namespace {

using namespace picture_headers;

PictureHeader read(PictureFormat format, std::string_view bytes) {
  switch (format) {
    case PictureFormat::png:
      return read_png(bytes);
    case PictureFormat::jpeg:
      return read_jpeg(bytes);
    case PictureFormat::webp:
      return read_webp(bytes);
    case PictureFormat::bmp:
      return read_bmp(bytes);
    case PictureFormat::pnm:
      return read_pnm(bytes);
    case PictureFormat::tiff:
      return read_tiff(bytes);
    default:
      return read_gif(bytes);
  }
}

}  // namespace

PictureHeader read_picture_header(std::string_view bytes, const std::string& name) {
  const PictureFormat format = sniff_picture(bytes);
  if (!is_decoded(format)) throw Error(cat(quoted(name), " ", why_not_decoded(format)));
  PictureHeader header;
  try {
    header = read(format, bytes);
  } catch (const CutOff&) {
    throw Error(cat("picture ", quoted(name), " is truncated: its ", bytes.size(),
                    " bytes end before the end of the ", name_of(format), " data"));
  } catch (const Invalid& invalid) {
    throw Error(cat("picture ", quoted(name), " can't be read as ", name_of(format), ": ", invalid.what));
  }
  header.format = format;
  if (header.width < 1 || header.height < 1) {
    throw Error(cat("picture ", quoted(name), " is broken: its ", name_of(format), " header says ",
                    header.width, " x ", header.height, " pixels"));
  }
  return header;
}

}  // namespace flam
