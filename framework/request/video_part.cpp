#include "framework/request/video_part.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iomanip>
#include <limits>
#include <set>
#include <sstream>

#include "framework/media/video.h"
#include "framework/request/folder.h"

namespace flam {

namespace {
constexpr const char* kMark = "video";  // the first word of the text; then the values of FrameSampling

bool is_named_like_a_video(const std::string& path) {
  static const std::set<std::string> kSuffixes = {".mp4", ".m4v",  ".mov", ".mkv", ".webm", ".avi",
                                                  ".mpg", ".mpeg", ".ogv", ".flv", ".3gp",  ".m2ts"};
  std::string suffix = std::filesystem::path(path).extension().string();
  std::ranges::transform(suffix, suffix.begin(), [](unsigned char c) { return std::tolower(c); });
  return kSuffixes.contains(suffix);
}

}  // namespace

Part video_file_part(const std::string& path, const FrameSampling& sampling) {
  std::ostringstream text;
  text << kMark << std::setprecision(std::numeric_limits<double>::max_digits10);
  if (sampling.frames) text << " frames " << *sampling.frames;
  if (sampling.fps) text << " fps " << *sampling.fps;
  if (sampling.key_frames) text << " key_frames";
  return {Part::Kind::frames, text.str(), {PictureSource{path, nullptr, {}}}};
}

bool is_video_file_part(const Part& part) {
  return part.kind == Part::Kind::frames && part.text.starts_with(kMark) && part.pictures.size() == 1;
}

FrameSampling sampling_of(const Part& part) {
  FrameSampling sampling;
  std::istringstream text(part.text);
  for (std::string word; text >> word;) {
    if (word == "frames") text >> sampling.frames.emplace();
    if (word == "fps") text >> sampling.fps.emplace();
    if (word == "key_frames") sampling.key_frames = true;
  }
  return sampling;
}

bool is_meant_as_video(const std::string& path) {
  return is_video_file(path) || (is_named_like_a_video(path) && !is_meant_as_picture(path));
}

Part media_part(const std::string& path, const FrameSampling& sampling) {
  if (is_meant_as_video(path)) return video_file_part(path, sampling);
  return {Part::Kind::image, "", {PictureSource{path, nullptr, {}}}};
}

}  // namespace flam
