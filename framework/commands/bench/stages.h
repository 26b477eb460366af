#pragma once
// Runs every stage of an answer once after the other, each on the output of the one before.

#include <functional>
#include <string>
#include <vector>

#include "framework/commands/bench/operator_record.h"
#include "framework/device/stage_times.h"
#include "framework/session/session.h"

namespace flam {

/// The work that is timed: `batch_size` prompts of `prompt_tokens` tokens each, which include one token for
/// each medium of their `images` pictures (one per picture, or per crop where a layout cuts them), and
/// `new_tokens` new tokens for each of their `num_beams` beams.
struct BenchShape {
  int64_t prompt_tokens = 32, images = 1, new_tokens = 20, num_beams = 1, batch_size = 1;
};

/// What the layout makes of one of the benchmark's pictures, 640 × 480 pixels.
MediaPlan bench_plan(const MediaLayout& layout);

/// The stages by name, in their order: decode_file, transform, vision, resampler, media_kv, prefill,
/// decode_step. Without images, the first five do not run.
class FLAM_API BenchStages {
 public:
  /// Makes the pictures: JPEG files of 640 × 480 pixels. Each prompt has its own.
  BenchStages(const Session& session, const BenchShape& shape);

  /// Runs all stages once, the decode step `steps` times. `recorder` may be null. Interrupted: `cancelled`,
  /// which is called between stages, returned true.
  void run(StageTimes& times, int64_t steps, OperatorRecorder* recorder,
           const std::function<bool()>& cancelled) const;

 private:
  struct Round;
  std::vector<at::Tensor> decode_and_transform(Round& round) const;
  Features encode(const std::vector<at::Tensor>& pixels) const;
  at::Tensor prompt_ids() const;

  const Session& session_;
  const BenchShape shape_;
  const MediaPlan plan_;            // of every picture
  std::vector<std::string> files_;  // bytes of each picture's file
};

}  // namespace flam
