#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "framework/component/types.h"

namespace flam {

/// The ids of every row, prompt first, and the log-probabilities of the generated ones. All memory is
/// allocated at the start.
class History {
 public:
  /// Prompts without padding, each repeated for `rows_per_prompt` rows.
  History(const std::vector<std::vector<int64_t>>& prompts, int64_t rows_per_prompt, int64_t max_new_tokens);

  int64_t rows() const { return static_cast<int64_t>(prompt_lengths_.size()); }
  int64_t new_tokens() const { return new_tokens_; }
  /// Prompt and generated ids of row r.
  std::span<const int64_t> row(int64_t r) const {
    return {ids_.data() + r * width_, static_cast<size_t>(prompt_lengths_[r] + new_tokens_)};
  }
  std::span<const int64_t> generated(int64_t r) const { return row(r).last(new_tokens_); }

  /// Appends one id to each row.
  void append(const std::vector<int64_t>& ids, const std::vector<double>& logprobs);
  /// Row r becomes a copy of the previous row source[r], which belongs to the same prompt.
  void reorder(const std::vector<int64_t>& source);
  /// The generated part of row r; its score is its log-probability.
  Hypothesis hypothesis(int64_t r, FinishReason finish) const;

 private:
  int64_t max_new_tokens_, width_, new_tokens_ = 0;
  std::vector<int64_t> prompt_lengths_;            // [rows]
  std::vector<int64_t> ids_, spare_ids_;           // [rows, width]
  std::vector<double> logprobs_, spare_logprobs_;  // [rows, max_new_tokens]
};

/// The number of ids of the longest prompt.
int64_t longest_prompt(const std::vector<std::vector<int64_t>>& prompts);

}  // namespace flam
