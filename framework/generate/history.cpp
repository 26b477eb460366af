#include "framework/generate/history.h"

#include <algorithm>
#include <numeric>

namespace flam {

int64_t longest_prompt(const std::vector<std::vector<int64_t>>& prompts) {
  size_t longest = 0;
  for (const auto& prompt : prompts) longest = std::max(longest, prompt.size());
  return static_cast<int64_t>(longest);
}

History::History(const std::vector<std::vector<int64_t>>& prompts, int64_t rows_per_prompt,
                 int64_t max_new_tokens)
    : max_new_tokens_(max_new_tokens), width_(longest_prompt(prompts) + max_new_tokens) {
  for (const auto& prompt : prompts)
    prompt_lengths_.insert(prompt_lengths_.end(), rows_per_prompt, static_cast<int64_t>(prompt.size()));
  ids_.resize(rows() * width_);
  spare_ids_.resize(rows() * width_);
  logprobs_.resize(rows() * max_new_tokens);
  spare_logprobs_.resize(rows() * max_new_tokens);
  for (int64_t r = 0; r < rows(); ++r) {
    const auto& prompt = prompts[r / rows_per_prompt];
    std::copy(prompt.begin(), prompt.end(), ids_.begin() + r * width_);
  }
}

void History::append(const std::vector<int64_t>& ids, const std::vector<double>& logprobs) {
  for (int64_t r = 0; r < rows(); ++r) {
    ids_[r * width_ + prompt_lengths_[r] + new_tokens_] = ids[r];
    logprobs_[r * max_new_tokens_ + new_tokens_] = logprobs[r];
  }
  ++new_tokens_;
}

void History::reorder(const std::vector<int64_t>& source) {
  for (int64_t r = 0; r < rows(); ++r) {
    const std::span from = row(source[r]);
    std::copy(from.begin(), from.end(), spare_ids_.begin() + r * width_);
    std::copy_n(logprobs_.begin() + source[r] * max_new_tokens_, new_tokens_,
                spare_logprobs_.begin() + r * max_new_tokens_);
  }
  ids_.swap(spare_ids_);
  logprobs_.swap(spare_logprobs_);
}

Hypothesis History::hypothesis(int64_t r, FinishReason finish) const {
  Hypothesis h;
  const std::span ids = generated(r);
  const auto logprobs = logprobs_.begin() + r * max_new_tokens_;
  h.ids.assign(ids.begin(), ids.end());
  h.token_logprobs.assign(logprobs, logprobs + new_tokens_);
  h.logprob = std::accumulate(logprobs, logprobs + new_tokens_, 0.0);
  h.score = h.logprob;
  h.finish = finish;
  return h;
}

}  // namespace flam
