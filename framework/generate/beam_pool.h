#pragma once
#include <cstdint>
#include <limits>
#include <vector>

#include "framework/component/types.h"

namespace flam {

/// The best finished sequences of one prompt, at most num_beams (Hugging Face 4.31, BeamHypotheses; with
/// beam_length `generated`, as in 4.34 and later).
class BeamPool {
 public:
  /// `prompt_length` includes padding if beam_length is `with_padded_prompt`.
  BeamPool(const GenerationParams& params, int64_t prompt_length)
      : capacity_(params.num_beams),
        penalty_(params.length_penalty),
        early_stopping_(params.early_stopping),
        with_prompt_(params.beam_length != GenerationParams::BeamLength::generated),
        prompt_length_(prompt_length) {}

  /// Keeps `hypothesis` if it is among the best. `ended`: its last id ends the sequence; this id is not
  /// counted in the length if the prompt is.
  void add(Hypothesis hypothesis, double sum, bool ended);
  /// Whether no candidate of `new_tokens` ids can improve the pool; `best_sum` is the highest of their
  /// log-probabilities.
  bool complete(double best_sum, int64_t new_tokens) const;
  /// The `count` best, best first; among equal ones, those added later come first.
  std::vector<Hypothesis> take(int64_t count);

 private:
  double normalised(double sum, int64_t new_tokens) const;

  int64_t capacity_;
  double penalty_;
  bool early_stopping_, with_prompt_;
  int64_t prompt_length_;
  double worst_ = std::numeric_limits<double>::max();
  std::vector<Hypothesis> kept_;
};

}  // namespace flam
