#include "framework/generate/history.h"

#include <algorithm>
#include <numeric>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {

History::History(const std::vector<std::vector<int64_t>>& prompts, int64_t beams, int64_t max_new_tokens)
    : rows_(static_cast<int64_t>(prompts.size()) * beams),
      prompt_length_(static_cast<int64_t>(prompts.front().size())),
      width_(prompt_length_ + max_new_tokens),
      ids_(rows_ * width_),
      spare_ids_(rows_ * width_),
      logprobs_(rows_ * max_new_tokens),
      spare_logprobs_(rows_ * max_new_tokens) {
  for (int64_t r = 0; r < rows_; ++r) {
    const auto& prompt = prompts[r / beams];
    if (static_cast<int64_t>(prompt.size()) != prompt_length_) {
      throw Error(cat("prompts of a batch must be padded to one length: found ", prompt.size(), " and ",
                      prompt_length_, " ids"));
    }
    std::copy(prompt.begin(), prompt.end(), ids_.begin() + r * width_);
  }
}

void History::append(const std::vector<int64_t>& ids, const std::vector<double>& logprobs) {
  const int64_t max_new_tokens = width_ - prompt_length_;
  for (int64_t r = 0; r < rows_; ++r) {
    ids_[r * width_ + length()] = ids[r];
    logprobs_[r * max_new_tokens + new_tokens_] = logprobs[r];
  }
  ++new_tokens_;
}

void History::reorder(const std::vector<int64_t>& source) {
  const int64_t max_new_tokens = width_ - prompt_length_;
  for (int64_t r = 0; r < rows_; ++r) {
    std::copy_n(ids_.begin() + source[r] * width_, length(), spare_ids_.begin() + r * width_);
    std::copy_n(logprobs_.begin() + source[r] * max_new_tokens, new_tokens_,
                spare_logprobs_.begin() + r * max_new_tokens);
  }
  ids_.swap(spare_ids_);
  logprobs_.swap(spare_logprobs_);
}

Hypothesis History::hypothesis(int64_t r, FinishReason finish) const {
  Hypothesis h;
  const auto ids = ids_.begin() + r * width_ + prompt_length_;
  const auto logprobs = logprobs_.begin() + r * (width_ - prompt_length_);
  h.ids.assign(ids, ids + new_tokens_);
  h.token_logprobs.assign(logprobs, logprobs + new_tokens_);
  h.logprob = std::accumulate(logprobs, logprobs + new_tokens_, 0.0);
  h.score = h.logprob;
  h.finish = finish;
  return h;
}

}  // namespace flam
