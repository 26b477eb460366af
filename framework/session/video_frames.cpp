#include "framework/session/video_frames.h"

#include <sys/stat.h>

#include <algorithm>
#include <iomanip>

#include "framework/base/text.h"
#include "framework/media/video.h"
#include "framework/request/video_part.h"

namespace flam {

namespace {

constexpr int64_t kStandardFrames = 8;
constexpr int64_t kMostKeptBytes = int64_t{256} << 20;

const Value* find(const Value& tree, std::initializer_list<const char*> keys) {
  const Value* found = &tree;
  for (const char* key : keys) {
    found = found->find(key);
    if (!found) return nullptr;
  }
  return found;
}

/// Equal for the same file, unchanged, with the same frames. "" if the file can't be seen.
std::string key_of(const std::string& path, const std::string& sampling) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return "";
  return cat(status.st_dev, ' ', status.st_ino, ' ', status.st_size, ' ', status.st_mtim.tv_sec, ' ',
             status.st_mtim.tv_nsec, ' ', sampling, ' ', path);
}

Part decoded(const std::string& path, const FrameSampling& sampling) {
  DecodedVideo video = decode_video(path, sampling);
  Part part{Part::Kind::frames, "", {}};
  part.timestamps = video.timestamps;
  part.duration = video.duration;
  for (size_t i = 0; i < video.frames.size(); ++i) {
    std::ostringstream name;
    name << path << " at " << std::fixed << std::setprecision(2) << video.timestamps[i] << " s";
    PictureSource frame{name.str(), nullptr, std::move(video.frames[i])};
    frame.height = frame.picture->height();
    frame.width = frame.picture->width();
    part.pictures.push_back(std::move(frame));
  }
  return part;
}

}  // namespace

FrameSampling sampling_of_model(const Value& config) {
  FrameSampling out;
  const Value* fps = find(config, {"model", "media_layout", "video", "fps"});
  const Value* most = find(config, {"model", "media_layout", "video", "max_frames"});
  if (fps && fps->is_number()) out.fps = fps->as_double();
  if (most && most->is_int()) out.frames = most->as_int();
  if (!out.is_default()) return out;
  const Value* embeddings = find(config, {"model", "resampler", "max_num_frames"});
  out.frames =
      embeddings && embeddings->is_int() ? std::min(kStandardFrames, embeddings->as_int()) : kStandardFrames;
  return out;
}

void VideoFrames::take(Part& part) const {
  if (!is_video_file_part(part)) return;
  FrameSampling sampling = sampling_of(part);
  if (sampling.is_default()) sampling = standard_;
  if (sampling.key_frames && !sampling.frames) sampling.frames = standard_.frames.value_or(kStandardFrames);
  const std::string path = part.pictures.front().path, key = key_of(path, part.text);
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(kept_, key, &Kept::key);
    if (found != kept_.end()) {
      part = found->part;
      std::rotate(found, found + 1, kept_.end());
      return;
    }
  }
  part = decoded(path, sampling);
  Kept fresh{key, part, 0};
  for (const PictureSource& frame : part.pictures) fresh.bytes += frame.height * frame.width * 3;
  const std::lock_guard lock(mutex_);
  kept_.push_back(std::move(fresh));
  int64_t bytes = 0;
  const auto first = std::find_if(kept_.rbegin(), kept_.rend(),
                                  [&](const Kept& kept) { return (bytes += kept.bytes) > kMostKeptBytes; });
  kept_.erase(kept_.begin(), first.base());
}

}  // namespace flam
