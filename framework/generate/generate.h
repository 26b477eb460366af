#pragma once
// From logits to ids: greedy, beams, sampling, and when to stop. Knows no text: stop strings are checked
// through a callback.

#include <functional>
#include <string>
#include <vector>

#include "framework/component/tokenizer.h"
#include "framework/component/types.h"
#include "framework/model/step_model.h"

namespace flam {

struct GenerateInput {
  std::vector<std::vector<int64_t>> prompts;  // ids of each row, padding included (the length rule counts it)
  std::vector<int64_t> stop_ids;
  /// A number for each row that joins GenerationParams::seed; what a row draws depends on these two alone.
  /// Empty: all 0.
  std::vector<uint64_t> row_seeds;
  /// Text of generated ids; needed with stop strings, else may be empty.
  std::function<std::string(const std::vector<int64_t>&)> decode;
  /// Called after each chosen token of a greedy or sampled row: row, id, its log-probability. May be empty.
  /// Not called for beams, whose tokens are not settled until the end.
  std::function<void(int64_t row, int64_t id, double logprob)> on_token;
  /// Asked before each step; true ends the run (FinishReason::cancelled).
  std::function<bool()> cancelled;
};

/// Error: parameters that contradict each other (n_best above num_beams, sampling with beams, …).
FLAM_API void check_generation(const GenerationParams& params);

/// The ids of params.stop_tokens. Error: the tokenizer doesn't know one.
FLAM_API std::vector<int64_t> stop_ids(const GenerationParams& params, const Tokenizer& tokenizer);

/// One Result per prompt; hypotheses best first, without text. Beam search equals Hugging Face 4.31
/// (beam_length: with_prompt) or the newer length rule (generated). Sampling is repeatable from the seed.
FLAM_API std::vector<Result> generate(StepModel& model, const GenerateInput& input,
                                      const GenerationParams& params);

}  // namespace flam
