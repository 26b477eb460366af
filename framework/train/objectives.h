#pragma once
// The loss that a training stage minimises.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/component/objective.h"
#include "framework/train/drawn_batch.h"
#include "framework/weights/weight_store.h"

namespace flam {

struct StepLoss {
  at::Tensor total;
  std::vector<std::pair<std::string, at::Tensor>> parts;  // for the log: numbers, on the model's device
};

/// The objectives of a training stage. Draws the pictures of a step, which depend only on the step's number,
/// and computes the weighted sum of the objectives' losses. While a Training lives on the calling thread,
/// pictures are augmented. May be called from several threads at once.
class Objectives {
 public:
  /// Builds `train.objectives`, which declare their weights in `weights`. Error: one of them does not suit
  /// the model, the dataset or the other settings.
  Objectives(const TrainingParts& parts, WeightStore& weights);

  /// The loss of `count` pictures of the step's batch, starting with picture `first`. The parts are in the
  /// order of the objectives. RunError: an objective breaks its contract.
  StepLoss loss(int64_t step, int64_t first, int64_t count) const;
  /// The model's answer to the first record of each task of a step, with the references. Empty if no
  /// objective learns text about pictures.
  std::vector<std::string> samples(int64_t step) const;
  /// The same objectives over the records of other tasks with the same heads.
  Objectives on(const std::vector<TrainedTask>& tasks) const;
  /// The number of pictures after which the records start again.
  int64_t pictures() const { return source_.pictures(); }
  /// Whether the dataset gives features instead of pictures, so that the backbone doesn't run.
  bool from_features() const { return source_.from_features(); }

 private:
  struct Term {
    std::unique_ptr<Objective> objective;
    Border border;
    double weight = 1;
    std::vector<std::string> names;  // of its losses in the log, each once among all terms
  };
  using Terms = std::vector<Term>;
  static Terms build_terms(const TrainingParts& parts, WeightStore& weights);
  bool any(bool (*fits)(const Objective&)) const;

  const TrainingParts& parts_;
  std::shared_ptr<const Terms> terms_;
  bool with_pictures_, with_text_;
  BatchSource source_;
};

}  // namespace flam
