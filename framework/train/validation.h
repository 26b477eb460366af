#pragma once
// The loss on records that training does not see.

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "framework/train/exchange.h"
#include "framework/train/objectives.h"

namespace flam {

/// The mean losses over the validation dataset, and which of them were the best.
class Validation {
 public:
  /// Error: the dataset is too small, does not suit the objective, or has other classes. Pictures that are
  /// also among the first kMostCompared of the training data are counted in a warning.
  Validation(const TrainingParts& parts, const Objectives& objectives, Exchange& exchange);

  bool is_due(int64_t steps_done) const;
  /// Shared by the processes. The mean of each loss by name, and last "total", the sum that training
  /// minimises.
  std::vector<std::pair<std::string, double>> losses() const;
  /// Takes the result of losses(). Returns whether it is the best so far.
  bool take(double total);
  /// Whether the last `train.patience` results were no better than the best one.
  bool is_stuck() const;

  // The state, for checkpoints.
  double best = std::numeric_limits<double>::infinity();
  int64_t since_best = 0;

  static constexpr int64_t kMostCompared = 100'000;

 private:
  void require_same_classes() const;
  void warn_of_overlap() const;

  const TrainingParts& parts_;
  Objectives objectives_;
  Exchange& exchange_;
};

}  // namespace flam
