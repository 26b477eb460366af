#pragma once
// Decodes videos, with the program flam-frames.

#include <cstdint>
#include <string>
#include <vector>

#include "framework/base/export.h"
#include "framework/media/frame_sampling.h"
#include "framework/media/picture.h"

namespace flam {

/// Limits on a video file and on the process that decodes it.
struct VideoLimits {
  int64_t max_bytes = int64_t{16} << 30;   // of the file
  double max_duration = 6 * 3600;          // of the video, seconds
  int64_t max_pixels = 8192 * 4320;        // of a frame
  int64_t max_all_pixels = 1'000'000'000;  // of all frames that are taken: 3 GB
  double max_decode_seconds = 300;         // for which the process may run
  int64_t max_memory = int64_t{3} << 30;   // of the process, bytes
};

struct DecodedVideo {
  std::vector<Picture> frames;     // upright
  std::vector<int64_t> numbers;    // of each in the video, counted from 0
  std::vector<double> timestamps;  // of each, seconds since the first frame of the video
  int64_t total_frames = 0;        // of the whole video
  double duration = 0;             // seconds
};

/// Decodes frames of a video file. Each is equal to the frame of this number when all are decoded one after
/// another. Error: the file is missing, not a regular file, not a video, truncated, damaged, exceeds a limit,
/// or crashes the decoder; or flam-frames is not installed. RunError: no process can be started. Interrupted:
/// the user stopped the process.
FLAM_API DecodedVideo decode_video(const std::string& path, const FrameSampling& sampling,
                                   const VideoLimits& limits = {});

/// Whether a file begins like a video in one of the formats of sniff_video() that is not a picture, too.
/// False if it can't be read.
FLAM_API bool is_video_file(const std::string& path);

}  // namespace flam
