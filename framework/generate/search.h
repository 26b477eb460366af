#pragma once
// The two search algorithms between which generate() chooses.

#include "framework/generate/generate.h"

namespace flam {

/// Takes the best id at each step, or draws one if do_sample is set.
std::vector<Result> greedy_or_sample(StepModel& model, const GenerateInput& input,
                                     const GenerationParams& params);

/// Beam search, for num_beams > 1.
std::vector<Result> beam_search(StepModel& model, const GenerateInput& input, const GenerationParams& params);

/// RunError: `logprob` is NaN.
void require_number(double logprob);

/// Error: a stop id or pad_token_id is outside the model's `vocabulary`.
void require_ids(const GenerateInput& input, const GenerationParams& params, int64_t vocabulary);

}  // namespace flam
