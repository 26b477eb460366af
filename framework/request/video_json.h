#pragma once
#include <functional>
#include <nlohmann/json.hpp>

#include "framework/component/types.h"

namespace flam {

/// The keys of a video in a request.
inline constexpr const char* kVideoKeys[] = {"frames", "fps", "timestamps", "duration"};

/// Error: an object has a key that is not among `known`. `what` is for the message: "a video".
void refuse_other_keys(const nlohmann::json& object, const std::vector<std::string>& known,
                       const std::string& what);

/// The video of an object with `frames`, a list of paths that `picture` makes pictures of. When they were
/// taken is given by `fps` (frame i, counted from 0, at i / fps seconds) or `timestamps` (seconds), the
/// length of the video by `duration` (seconds). Error: a value is unusable.
Part video_part(const nlohmann::json& object,
                const std::function<PictureSource(const nlohmann::json& path)>& picture);

/// Adds the times of a video to its JSON object.
void add_times(const Part& video, nlohmann::ordered_json& object);

}  // namespace flam
