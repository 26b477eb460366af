#pragma once
// Chooses ids from logits: greedy search, beam search and sampling, and when to stop. It does not use a
// tokenizer: stop strings are checked through a callback.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "framework/component/tokenizer.h"
#include "framework/component/types.h"
#include "framework/model/step_model.h"

namespace flam {

struct GenerateInput {
  std::vector<std::vector<int64_t>> prompts;  // ids of each prompt, without padding
  std::vector<int64_t> stop_ids;
  /// Only the first `choosable_ids` ids may be chosen. The others (padding) only take part in the
  /// normalisation of the probabilities. 0: all ids may be chosen.
  int64_t choosable_ids = 0;
  /// A seed for each prompt, which is combined with GenerationParams::seed. The samples of a prompt depend on
  /// these two numbers and its logits only. Empty: all 0.
  std::vector<uint64_t> row_seeds;
  /// Returns the text of generated ids. Required if there are stop strings; otherwise it may be empty.
  std::function<std::string(const std::vector<int64_t>&)> decode;
  /// Called after each chosen token of a greedy search, or of a prompt's first sample: index of the prompt,
  /// id, its log-probability. May be empty. Not called for beams, whose tokens may change until the end.
  std::function<void(int64_t prompt, int64_t id, double logprob)> on_token;
  /// Called before each step; if it returns true, the run ends (FinishReason::cancelled).
  std::function<bool()> cancelled;
};

/// Error: parameters that contradict each other (n_best above num_beams without sampling, …).
FLAM_API void check_generation(const GenerationParams& params);

/// A parameter that differs from its default but has no effect with the values of the others.
struct IdleOption {
  std::string name;  // "temperature"
  std::string why;   // "temperature is 0.5, which changes nothing without do_sample"
};
FLAM_API std::vector<IdleOption> idle_options(const GenerationParams& params);

/// The number of sequences generated at once for each prompt: beams or samples.
FLAM_API int64_t rows_per_prompt(const GenerationParams& params);

/// The ids of params.stop_tokens. Error: the tokenizer does not have one of them.
FLAM_API std::vector<int64_t> stop_ids(const GenerationParams& params, const Tokenizer& tokenizer);

/// The position at which the first stop string in `text` begins; npos if there is none.
FLAM_API size_t find_stop_string(std::string_view text, const std::vector<std::string>& strings);

/// The text of generated ids. Ids that the tokenizer does not have (padding of the vocabulary) are skipped.
FLAM_API std::string text_of(std::vector<int64_t> ids, const Tokenizer& tokenizer,
                             bool skip_special_tokens = true);

/// Returns one Result per prompt. Its hypotheses have no text yet: there is one from a greedy search, the
/// n_best best ones from a beam search, best first, or n_best samples in the order drawn, the first of which
/// does not depend on n_best. Beam search gives the same results as Hugging Face 4.31 (beam_length:
/// with_padded_prompt) or as its newer length rule (generated). Sampling is reproducible from the seed.
/// Error: contradictory parameters, or a stop or padding id that the model does not have. RunError: NaN
/// logits. `model` has rows_per_prompt() rows for each prompt.
FLAM_API std::vector<Result> generate(StepModel& model, const GenerateInput& input,
                                      const GenerationParams& params);

}  // namespace flam
