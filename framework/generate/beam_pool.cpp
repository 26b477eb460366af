#include "framework/generate/beam_pool.h"

#include <algorithm>
#include <cmath>

namespace flam {
namespace {
bool worse(const Hypothesis& a, const Hypothesis& b) {
  return a.score < b.score;
}
}  // namespace

double BeamPool::normalised(double sum, int64_t new_tokens) const {
  const int64_t length = new_tokens + (with_prompt_ ? prompt_length_ : 0);
  return sum / std::pow(static_cast<double>(length), penalty_);
}

void BeamPool::add(Hypothesis hypothesis, double sum, bool ended) {
  const int64_t new_tokens = static_cast<int64_t>(hypothesis.ids.size());
  hypothesis.score = normalised(sum, new_tokens - (ended && with_prompt_ ? 1 : 0));
  if (static_cast<int64_t>(kept_.size()) == capacity_) {
    if (!(hypothesis.score > worst_)) return;
    kept_.push_back(std::move(hypothesis));
    kept_.erase(std::min_element(kept_.begin(), kept_.end(), worse));
  } else {
    kept_.push_back(std::move(hypothesis));
  }
  worst_ = std::min_element(kept_.begin(), kept_.end(), worse)->score;
}

bool BeamPool::complete(double best_sum, int64_t new_tokens) const {
  if (static_cast<int64_t>(kept_.size()) < capacity_) return false;
  return early_stopping_ || worst_ >= normalised(best_sum, new_tokens);
}

std::vector<Hypothesis> BeamPool::take(int64_t count) {
  std::stable_sort(kept_.begin(), kept_.end(), worse);
  std::reverse(kept_.begin(), kept_.end());
  if (static_cast<int64_t>(kept_.size()) > count) kept_.resize(count);
  return std::move(kept_);
}

}  // namespace flam
