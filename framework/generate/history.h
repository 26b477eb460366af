#pragma once
#include <cstdint>
#include <vector>

#include "framework/component/types.h"

namespace flam {

/// The ids of every row, prompt first, and the log-probabilities of the generated ones. All room is taken at
/// the start.
class History {
 public:
  /// Prompts of equal length, each repeated for `beams` rows.
  History(const std::vector<std::vector<int64_t>>& prompts, int64_t beams, int64_t max_new_tokens);

  int64_t rows() const { return rows_; }
  int64_t prompt_length() const { return prompt_length_; }
  int64_t new_tokens() const { return new_tokens_; }
  int64_t length() const { return prompt_length_ + new_tokens_; }
  /// length() ids.
  const int64_t* row(int64_t r) const { return ids_.data() + r * width_; }

  /// One id to each row.
  void append(const std::vector<int64_t>& ids, const std::vector<double>& logprobs);
  /// Row r becomes a copy of what row source[r] was.
  void reorder(const std::vector<int64_t>& source);
  /// What row r generated; score is the log-probability.
  Hypothesis hypothesis(int64_t r, FinishReason finish) const;

 private:
  int64_t rows_, prompt_length_, width_, new_tokens_ = 0;
  std::vector<int64_t> ids_, spare_ids_;           // [rows, width]
  std::vector<double> logprobs_, spare_logprobs_;  // [rows, max_new_tokens]
};

}  // namespace flam
