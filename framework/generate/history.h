#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "framework/component/types.h"

namespace flam {

/// The ids of every row, prompt first, and the log-probabilities of the generated ones. All room is taken at
/// the start.
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

  /// One id to each row.
  void append(const std::vector<int64_t>& ids, const std::vector<double>& logprobs);
  /// Row r becomes a copy of what row source[r], a row of the same prompt, was.
  void reorder(const std::vector<int64_t>& source);
  /// What row r generated; score is the log-probability.
  Hypothesis hypothesis(int64_t r, FinishReason finish) const;

 private:
  int64_t max_new_tokens_, width_, new_tokens_ = 0;
  std::vector<int64_t> prompt_lengths_;            // [rows]
  std::vector<int64_t> ids_, spare_ids_;           // [rows, width]
  std::vector<double> logprobs_, spare_logprobs_;  // [rows, max_new_tokens]
};

/// The ids of the longest prompt.
int64_t longest_prompt(const std::vector<std::vector<int64_t>>& prompts);

}  // namespace flam
