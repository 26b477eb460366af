#pragma once
// Which frames of a video are taken. It needs the standard library only, because flam-frames uses it, too.

#include <cstdint>
#include <optional>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// How frames are chosen. With `frames` alone, so many frames, from the first to the last at equal distances;
/// with `fps`, one frame for each 1/fps seconds, spread in the same way, but at most `frames`; with
/// `key_frames`, only frames that the encoder stored whole, at most `frames` of them.
struct FrameSampling {
  std::optional<int64_t> frames;
  std::optional<double> fps;
  bool key_frames = false;

  bool is_default() const { return !frames && !fps && !key_frames; }
  bool operator==(const FrameSampling&) const = default;
};

inline constexpr int64_t kMostFrames = 1024;  // of one video that are taken
inline constexpr double kLeastFps = 1e-6, kMostFps = 1000;

/// The numbers of the frames to take, ascending and distinct, of a video with `total` frames (at least one)
/// that lasts `duration` seconds. `keys` are the numbers of its key frames, ascending; they are used only
/// with `key_frames`. They are those of transformers (processing of SmolVLM, sample_indices_fn): numbers are
/// spread over the first to the last frame and rounded down. Without `frames`, at most kMostFrames.
FLAM_API std::vector<int64_t> sampled_frames(const FrameSampling& sampling, int64_t total, double duration,
                                             const std::vector<int64_t>& keys = {});

}  // namespace flam
