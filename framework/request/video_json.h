#pragma once
#include <functional>
#include <nlohmann/json.hpp>

#include "framework/component/types.h"

namespace flam {

/// The keys of a video in a request.
inline constexpr const char* kVideoKeys[] = {"video",      "frames",     "fps",
                                             "key_frames", "timestamps", "duration"};

/// Error: an object has a key that is not among `known`. `what` is for the message: "a video".
void refuse_other_keys(const nlohmann::json& object, const std::vector<std::string>& known,
                       const std::string& what);

/// The video of an object. With `video`, the path of a file, it is a part as video_file_part() makes it,
/// whose frames are chosen by `frames` (their number), `fps` and `key_frames`. Otherwise it has `frames`, a
/// list of paths that `picture` makes pictures of. When they were taken is given by `fps` (frame i, counted
/// from 0, at i / fps seconds) or `timestamps` (seconds), the length of the video by `duration` (seconds).
/// Error: a value is unusable.
Part video_part(const nlohmann::json& object,
                const std::function<PictureSource(const nlohmann::json& path)>& picture);

/// The JSON of a video; `name` writes the path of a picture.
nlohmann::ordered_json video_json(const Part& video,
                                  const std::function<std::string(const PictureSource&)>& name);

}  // namespace flam
