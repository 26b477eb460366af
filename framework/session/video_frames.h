#pragma once
// Takes the frames of the video files that a request names.

#include <mutex>
#include <string>
#include <vector>

#include "framework/base/export.h"
#include "framework/component/types.h"
#include "framework/config/value.h"
#include "framework/media/frame_sampling.h"

namespace flam {

/// How frames are chosen where a request says nothing, from a whole config: as `model.media_layout.video`
/// says
/// (`fps`, `max_frames`), or else 8 frames, or as many as the resampler has embeddings for if these are
/// fewer.
FLAM_API FrameSampling sampling_of_model(const Value& config);

/// Replaces video files by their frames. The last ones are kept, so that several questions about a video
/// decode it once. It may be used from several threads.
class FLAM_API VideoFrames {
 public:
  explicit VideoFrames(FrameSampling standard) : standard_(standard) {}

  /// Decodes a part that stands for a video file (see video_part.h); other parts stay as they are. Error: as
  /// decode_video().
  void take(Part& part) const;

 private:
  struct Kept {
    std::string key;
    Part part;
    int64_t bytes = 0;
  };

  const FrameSampling standard_;
  mutable std::mutex mutex_;
  mutable std::vector<Kept> kept_;  // the last used one at the end
};

}  // namespace flam
