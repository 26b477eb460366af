#pragma once
// The two ways to generate, chosen by generate().

#include "framework/generate/generate.h"

namespace flam {

/// The best id at each step, or drawn ones.
std::vector<Result> greedy_or_sample(StepModel& model, const GenerateInput& input,
                                     const GenerationParams& params);

/// num_beams > 1.
std::vector<Result> beam_search(StepModel& model, const GenerateInput& input, const GenerationParams& params);

/// RunError: the model gave no number.
void require_number(double logprob);

/// Error: a stop id or pad_token_id that the model's logits do not have.
void require_ids(const GenerateInput& input, const GenerationParams& params, int64_t vocabulary);

}  // namespace flam
