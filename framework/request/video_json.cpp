#include "framework/request/video_json.h"

#include <algorithm>

#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/request/video_part.h"

namespace flam {

namespace {

constexpr double kMostSeconds = 1e9;

double seconds_of(const nlohmann::json& value, const char* key, double least) {
  const double number = value.is_number() ? value.get<double>() : -1;
  if (!(number >= least && number <= kMostSeconds))
    throw Error(
        cat("`", key, "` of a video is ", quoted(value.dump()), "; expected seconds, at least ", least));
  return number;
}

using MakePicture = std::function<PictureSource(const nlohmann::json& path)>;
using Find = std::function<const nlohmann::json*(const char* key)>;

Part video_of_file(const nlohmann::json& path, const Find& find, const MakePicture& picture) {
  for (const char* key : {"timestamps", "duration"}) {
    if (find(key)) throw Error(cat("a video with `video` has no `", key, "`, which is read from the file"));
  }
  FrameSampling sampling;
  if (const nlohmann::json* frames = find("frames")) {
    sampling.frames = frames->is_number_integer() ? frames->get<int64_t>() : 0;
    if (*sampling.frames < 1 || *sampling.frames > kMostFrames) {
      throw Error(cat("`frames` of a video with `video` is ", quoted(frames->dump()),
                      "; expected how many frames to take, from 1 to ", kMostFrames));
    }
  }
  if (const nlohmann::json* fps = find("fps")) {
    sampling.fps = fps->is_number() ? fps->get<double>() : 0;
    if (!(*sampling.fps >= kLeastFps && *sampling.fps <= kMostFps)) {
      throw Error(cat("`fps` of a video with `video` is ", quoted(fps->dump()),
                      "; expected how many frames to take for each second, above 0, at most ", kMostFps));
    }
  }
  if (const nlohmann::json* keys = find("key_frames")) {
    if (!keys->is_boolean())
      throw Error(cat("`key_frames` of a video must be true or false, found ", printable(keys->dump(), 80)));
    sampling.key_frames = keys->get<bool>();
  }
  return video_file_part(picture(path).path, sampling);
}

}  // namespace

void refuse_other_keys(const nlohmann::json& object, const std::vector<std::string>& known,
                       const std::string& what) {
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    throw Error(cat("unknown key ", quoted(key), " of ", what, did_you_mean(key, known),
                    " (known: ", join(known, ", "), ")"));
  }
}

Part video_part(const nlohmann::json& object, const MakePicture& picture) {
  const auto find = [&](const char* key) -> const nlohmann::json* {
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? nullptr : &*found;
  };
  if (object.contains("video")) return video_of_file(object["video"], find, picture);
  if (find("key_frames")) throw Error("`key_frames` needs `video`, the path of a video file");
  const nlohmann::json* frames = find("frames");
  if (!frames || !frames->is_array() || frames->empty())
    throw Error(
        cat("`frames` of a video must be a list of paths that is not empty, or with `video`, a number of "
            "frames; found ",
            printable(object.value("frames", nlohmann::json()).dump(), 80)));
  Part video{Part::Kind::frames, "", {}};
  for (const nlohmann::json& frame : *frames) video.pictures.push_back(picture(frame));
  const nlohmann::json *fps = find("fps"), *timestamps = find("timestamps");
  if (fps && timestamps) throw Error("a video has `fps` or `timestamps`, not both");
  if (fps) {
    const double rate = fps->is_number() ? fps->get<double>() : 0;
    if (!(rate >= 1e-6 && rate <= 1e6))
      throw Error(cat("`fps` of a video is ", quoted(fps->dump()), "; expected frames per second, above 0"));
    for (size_t i = 0; i < video.pictures.size(); ++i)
      video.timestamps.push_back(static_cast<double>(i) / rate);
  } else if (timestamps) {
    if (!timestamps->is_array() || timestamps->size() != video.pictures.size()) {
      throw Error(cat("`timestamps` of a video must be a list with one number for each of its ",
                      video.pictures.size(), " frames, found ", printable(timestamps->dump())));
    }
    for (const nlohmann::json& time : *timestamps) {
      const double least = video.timestamps.empty() ? 0 : video.timestamps.back();
      video.timestamps.push_back(seconds_of(time, "timestamps", least));
    }
  }
  if (const nlohmann::json* duration = find("duration"))
    video.duration =
        seconds_of(*duration, "duration", video.timestamps.empty() ? 0 : video.timestamps.back());
  return video;
}

nlohmann::ordered_json video_json(const Part& video,
                                  const std::function<std::string(const PictureSource&)>& name) {
  nlohmann::ordered_json object;
  if (is_video_file_part(video)) {
    const FrameSampling sampling = sampling_of(video);
    object["video"] = name(video.pictures.front());
    if (sampling.frames) object["frames"] = *sampling.frames;
    if (sampling.fps) object["fps"] = *sampling.fps;
    if (sampling.key_frames) object["key_frames"] = true;
    return object;
  }
  object["frames"] = nlohmann::json::array();
  for (const PictureSource& frame : video.pictures) object["frames"].push_back(name(frame));
  if (!video.timestamps.empty()) object["timestamps"] = video.timestamps;
  if (video.duration) object["duration"] = *video.duration;
  return object;
}

}  // namespace flam
