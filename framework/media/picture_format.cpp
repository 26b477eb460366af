#include "framework/media/picture_format.h"

#include <algorithm>
#include <cctype>

#include "framework/base/text.h"

namespace flam {
namespace {

using std::string_view;
using namespace std::string_view_literals;

bool is_webp(string_view bytes) {
  return bytes.size() > 12 && bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP";
}

/// A text may also begin with "BM", but the size of the header, which is below 256, has three zero bytes that
/// a text does not have.
bool is_bmp(string_view bytes) {
  return bytes.size() >= 18 && bytes.starts_with("BM") && bytes.substr(15, 3) == "\0\0\0"sv;
}

/// "P1" alone does not identify a picture: white space or a comment must follow, and then a number.
bool is_pnm(string_view bytes) {
  if (bytes.size() < 3 || bytes[0] != 'P' || bytes[1] < '1' || bytes[1] > '6') return false;
  const size_t next = bytes.find_first_not_of(" \t\r\n\v\f", 2);
  if (next == bytes.npos) return true;  // the white space is longer than the bytes examined
  return bytes[next] == '#' || (next > 2 && std::isdigit(static_cast<unsigned char>(bytes[next])) != 0);
}

bool is_tiff(string_view bytes) {
  return bytes.starts_with("II*\0"sv) || bytes.starts_with("MM\0*"sv);
}

bool is_gif(string_view bytes) {
  return bytes.starts_with("GIF87a") || bytes.starts_with("GIF89a");
}

/// Whether an ISO media file (such as HEIC and AVIF) has one of the four-letter `brands`: as the main brand
/// in its `ftyp` box, or as a compatible one if the main brand is generic.
bool has_brand(string_view bytes, std::initializer_list<string_view> brands) {
  if (bytes.size() < 12 || bytes.substr(4, 4) != "ftyp") return false;
  const auto among = [&](size_t at) {
    return std::find(brands.begin(), brands.end(), bytes.substr(at, 4)) != brands.end();
  };
  if (among(8)) return true;
  if (bytes.substr(8, 4) != "mif1" && bytes.substr(8, 4) != "msf1") return false;
  const size_t box = static_cast<unsigned char>(bytes[2]) * 256 + static_cast<unsigned char>(bytes[3]);
  for (size_t at = 16; at + 4 <= std::min(bytes.size(), box); at += 4)
    if (among(at)) return true;
  return false;
}

bool is_avif(string_view bytes) {
  return has_brand(bytes, {"avif", "avis"});
}

/// A file with the brand "mif1" that does not name its codec is nearly always HEIC.
bool is_heic(string_view bytes) {
  return has_brand(bytes, {"heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "msf1"});
}

bool is_jpeg_xl(string_view bytes) {
  return bytes.starts_with("\xff\x0a") || bytes.starts_with("\0\0\0\x0cJXL \r\n\x87\n"sv);
}

/// The text after a byte order mark and white space, in lower case.
std::string start_of_text(string_view bytes) {
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  bytes.remove_prefix(std::min(bytes.find_first_not_of(" \t\r\n"), bytes.size()));
  std::string text(bytes);
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool is_html(string_view bytes) {
  const std::string text = start_of_text(bytes);
  const auto starts = [&](string_view tag) { return text.starts_with(tag); };
  return starts("<!doctype html") || starts("<html") || starts("<head") || starts("<body");
}

bool is_svg(string_view bytes) {
  const std::string text = start_of_text(bytes);
  return text.starts_with('<') && text.find("<svg") != text.npos;
}

struct Format {
  PictureFormat format;
  const char* name;
  bool (*matches)(string_view bytes);
  const char* why_not = nullptr;  // set if the format is not decoded
};

const Format kFormats[] = {
    {PictureFormat::png, "PNG", [](string_view b) { return b.starts_with("\x89PNG\r\n\x1a\n"); }},
    {PictureFormat::jpeg, "JPEG", [](string_view b) { return b.starts_with("\xff\xd8\xff"); }},
    {PictureFormat::webp, "WebP", is_webp},
    {PictureFormat::bmp, "BMP", is_bmp},
    {PictureFormat::pnm, "PNM", is_pnm},
    {PictureFormat::tiff, "TIFF", is_tiff},
    {PictureFormat::gif, "GIF", is_gif},
    {PictureFormat::avif, "AVIF", is_avif,
     "is an AVIF picture, which is not supported; convert it to JPEG or PNG"},
    {PictureFormat::heic, "HEIC", is_heic,
     "is a HEIC picture, which is not supported; convert it to JPEG or PNG"},
    {PictureFormat::jpeg_xl, "JPEG XL", is_jpeg_xl,
     "is a JPEG XL picture, which is not supported; convert it to JPEG or PNG"},
    {PictureFormat::html, "HTML", is_html,
     "is a web page (HTML), not a picture; download the picture itself instead of a page that shows it"},
    {PictureFormat::svg, "SVG", is_svg, "is an SVG drawing, which is not supported; convert it to PNG"},
    {PictureFormat::git_lfs_pointer, "Git LFS pointer",
     [](string_view b) { return b.starts_with("version https://git-lfs.github.com/spec/"); },
     "is a Git LFS pointer, not the picture itself; fetch the picture itself with `git lfs pull`"},
};

const Format* find(PictureFormat format) {
  const auto* found = std::find_if(std::begin(kFormats), std::end(kFormats),
                                   [&](const Format& f) { return f.format == format; });
  return found == std::end(kFormats) ? nullptr : found;
}

}  // namespace

PictureFormat sniff_picture(std::string_view first_bytes) {
  first_bytes = first_bytes.substr(0, kSniffedBytes);
  for (const Format& format : kFormats)
    if (format.matches(first_bytes)) return format.format;
  return PictureFormat::none;
}

bool is_decoded(PictureFormat format) {
  const Format* found = find(format);
  return found && !found->why_not;
}

const char* name_of(PictureFormat format) {
  const Format* found = find(format);
  return found ? found->name : "unknown";
}

std::string why_not_decoded(PictureFormat format) {
  const Format* found = find(format);
  if (found && found->why_not) return found->why_not;
  std::string names;
  for (const Format& known : kFormats)
    if (!known.why_not) names += cat(names.empty() ? "" : ", ", known.name);
  return cat("is not a picture: its first bytes match none of ", names);
}

std::optional<std::string> why_not_a_path(std::string_view path) {
  const auto begins = [&](string_view scheme) {  // the path, or one of its elements
    const size_t at = path.find(scheme);
    return at != path.npos && (at == 0 || path[at - 1] == '/');
  };
  if (begins("file:/"))
    return "is a URL, but pictures are named by their paths; give the path alone, with each %XX as its byte";
  if (begins("data:image/"))
    return "is a data URL, but pictures are named by their paths; save the picture to a file";
  for (const char* scheme : {"http:/", "https:/", "ftp:/", "s3:/", "gs:/"})
    if (begins(scheme))
      return "is a URL, but pictures are read from files only; download the picture and give its path";
  return std::nullopt;
}

}  // namespace flam
