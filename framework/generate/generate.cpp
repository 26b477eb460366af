#include "framework/generate/generate.h"

#include <algorithm>
#include <cmath>

#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/generate/search.h"

namespace flam {

void check_generation(const GenerationParams& params) {
  ErrorList errors;
  if (params.n_best > rows_per_prompt(params)) {
    errors.add(cat("generation: n_best is ", params.n_best, ", but a search with num_beams ",
                   params.num_beams, " finds at most ", params.num_beams,
                   " sequences; raise num_beams, or set do_sample for independent samples"));
  }
  if (params.min_new_tokens > params.max_new_tokens) {
    errors.add(cat("generation: min_new_tokens ", params.min_new_tokens, " is above max_new_tokens ",
                   params.max_new_tokens));
  }
  if (std::any_of(params.stop_strings.begin(), params.stop_strings.end(),
                  [](const auto& s) { return s.empty(); })) {
    errors.add("generation: one of the stop strings is empty, which would end every sequence; remove it");
  }
  errors.throw_if_any();
}

int64_t rows_per_prompt(const GenerationParams& params) {
  return params.do_sample ? params.n_best : params.num_beams;
}

std::vector<int64_t> stop_ids(const GenerationParams& params, const Tokenizer& tokenizer) {
  std::vector<int64_t> ids;
  for (const std::string& token : params.stop_tokens) {
    const auto id = tokenizer.token_id(token);
    if (!id)
      throw Error(cat("generation.stop_tokens names ", quoted(token), ", which the tokenizer does not have"));
    ids.push_back(*id);
  }
  return ids;
}

std::string text_of(std::vector<int64_t> ids, const Tokenizer& tokenizer, bool skip_special_tokens) {
  const int64_t tokens = tokenizer.base_size() + static_cast<int64_t>(tokenizer.added_tokens().size());
  std::erase_if(ids, [&](int64_t id) { return id >= tokens; });
  return tokenizer.decode(ids, skip_special_tokens);
}

void require_number(double logprob) {
  if (std::isnan(logprob)) {
    throw RunError(
        "the model's logits are not numbers (NaN): check the weights; dtype float16 overflows where float32 "
        "and bfloat16 don't; `flam check-plugin` finds a plugin that gives such values");
  }
}

void require_ids(const GenerateInput& input, const GenerationParams& params, int64_t vocabulary) {
  if (input.choosable_ids > 0) vocabulary = std::min(vocabulary, input.choosable_ids);
  const auto require = [&](const char* what, int64_t id) {
    if (id < 0 || id >= vocabulary)
      throw Error(cat(what, " ", id, " is not among the model's ", vocabulary, " ids"));
  };
  for (const int64_t id : input.stop_ids) require("stop token", id);
  require("generation: pad_token_id", params.pad_token_id);
}

std::vector<Result> generate(StepModel& model, const GenerateInput& input, const GenerationParams& params) {
  check_generation(params);
  if (model.batch() != static_cast<int64_t>(input.prompts.size())) {
    throw RunError(
        cat("generate: the model holds ", model.batch(), " prompts, ", input.prompts.size(), " were given"));
  }
  if (!params.stop_strings.empty() && !input.decode)
    throw RunError("generate: stop strings need a way to decode ids");
  if (input.prompts.empty()) return {};
  const bool beams = !params.do_sample && params.num_beams > 1;
  return beams ? beam_search(model, input, params) : greedy_or_sample(model, input, params);
}

}  // namespace flam
