#pragma once
// From logits to ids: greedy, beams, sampling, and when to stop. Knows no tokenizer: stop strings are checked
// through a callback.

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
  /// Only the first so many ids may be chosen; the others count in probabilities alone (padding). 0: all may.
  int64_t choosable_ids = 0;
  /// A number for each prompt that joins GenerationParams::seed; what is drawn for it depends on these two
  /// alone. Empty: all 0.
  std::vector<uint64_t> row_seeds;
  /// Text of generated ids; needed with stop strings, else may be empty.
  std::function<std::string(const std::vector<int64_t>&)> decode;
  /// Called after each chosen token of a greedy search, or of a prompt's first sample: index of the prompt,
  /// id, its log-probability. May be empty. Not called for beams, whose tokens may change until the end.
  std::function<void(int64_t prompt, int64_t id, double logprob)> on_token;
  /// Asked before each step; true ends the run (FinishReason::cancelled).
  std::function<bool()> cancelled;
};

/// Error: parameters that contradict each other (n_best above num_beams without sampling, …).
FLAM_API void check_generation(const GenerationParams& params);

/// A parameter that differs from its default and changes nothing under the others.
struct IdleOption {
  std::string name;  // "temperature"
  std::string why;   // "temperature is 0.5, which changes nothing without do_sample"
};
FLAM_API std::vector<IdleOption> idle_options(const GenerationParams& params);

/// How many sequences of each prompt grow at once: beams or samples.
FLAM_API int64_t rows_per_prompt(const GenerationParams& params);

/// The ids of params.stop_tokens. Error: the tokenizer doesn't know one.
FLAM_API std::vector<int64_t> stop_ids(const GenerationParams& params, const Tokenizer& tokenizer);

/// Where the first stop string in `text` begins; npos: there is none.
FLAM_API size_t find_stop_string(std::string_view text, const std::vector<std::string>& strings);

/// The text of generated ids, without special tokens. Ids that the tokenizer does not have (padding) have no
/// text.
FLAM_API std::string text_of(std::vector<int64_t> ids, const Tokenizer& tokenizer);

/// One Result per prompt, its hypotheses without text: one of a greedy search, the n_best best of a beam
/// search, best first, or n_best samples in the order drawn, of which the first is the one that n_best 1
/// gives. Beam search equals Hugging Face 4.31 (beam_length: with_padded_prompt) or the newer length rule
/// (generated). Sampling is repeatable from the seed. `model` has rows_per_prompt() rows for each prompt.
FLAM_API std::vector<Result> generate(StepModel& model, const GenerateInput& input,
                                      const GenerationParams& params);

}  // namespace flam
