#pragma once
// The loss that a training stage minimises.

#include <string>
#include <utility>
#include <vector>

#include "framework/train/drawn_batch.h"
#include "framework/train/text_rows.h"

namespace flam {

struct StepLoss {
  at::Tensor total;
  std::vector<std::pair<std::string, at::Tensor>> parts;  // for the log: numbers, on the model's device
};

/// Draws the pictures of a step, which depend only on the step's number, and computes their loss. While a
/// Training lives on the calling thread, pictures are augmented. May be called from several threads at once.
class Objective {
 public:
  Objective(const TrainingParts& parts, WeightStore& label_weights);

  /// The loss of `count` pictures of the step's batch, starting with picture `first`.
  StepLoss loss(int64_t step, int64_t first, int64_t count) const;
  /// The model's answer to the first record of each task of a step, with the references.
  std::vector<std::string> samples(int64_t step) const;
  /// The same loss over the records of other tasks with the same heads.
  Objective on(const std::vector<TrainedTask>& tasks) const;
  /// The number of pictures after which the records start again.
  int64_t pictures() const { return source_.pictures(); }
  /// Whether the dataset gives features instead of pictures, so that the backbone doesn't run.
  bool from_features() const { return source_.from_features(); }

 private:
  Features features_of(const DrawnBatch& drawn) const;
  /// Media tokens of every picture: [P,1,L,D].
  at::Tensor media_of(const Features& features, Probe* probe = nullptr) const;
  /// The cross-entropy of what the resampler's classifier sees in whole pictures. `labels`: [N,G,1].
  at::Tensor class_loss(const Features& features, const at::Tensor& labels) const;
  TextRow row_of(size_t task, const Record& record) const;
  /// `media`: what each row sees, [R,T,L,D] or of each picture [N,1,L,D].
  at::Tensor text_loss(size_t task, const std::vector<Record>& records, const at::Tensor& media) const;
  std::vector<Weight> declare_heads(const WeightScope& scope, const std::vector<int64_t>& classes,
                                    int64_t width) const;

  const TrainingParts& parts_;
  bool with_pictures_, with_labels_;
  BatchSource source_;
  int64_t classes_ = 0;                            // of whole pictures, for the objective `classes`
  std::vector<Weight> patch_heads_, media_heads_;  // [classes,D] for each column of the labels
};

}  // namespace flam
