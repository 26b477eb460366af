#pragma once
// Videos that a request names as files. Their frames are taken when a session reads the request.

#include <string>

#include "framework/base/export.h"
#include "framework/component/types.h"
#include "framework/media/frame_sampling.h"

namespace flam {

/// A part that stands for a video file: of the kind `frames`, with the file as its only picture and with a
/// text that says how frames are chosen. (Frames that have been taken have no text.)
FLAM_API Part video_file_part(const std::string& path, const FrameSampling& sampling = {});
FLAM_API bool is_video_file_part(const Part& part);
/// How its frames are chosen.
FLAM_API FrameSampling sampling_of(const Part& part);

/// Whether a file should be read as a video: it begins like one, or it has the suffix of a video and is no
/// picture. In the second case, reading it gives the error that the user should see.
FLAM_API bool is_meant_as_video(const std::string& path);

/// The part for a file named by a user: a video, if it is meant as one, or else a picture.
FLAM_API Part media_part(const std::string& path, const FrameSampling& sampling = {});

}  // namespace flam
