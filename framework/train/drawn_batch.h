#pragma once
// The records of a step, with their examples and pictures.

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <string>
#include <vector>

#include "framework/base/random.h"
#include "framework/train/training_parts.h"

namespace flam {

/// The records of `count` pictures. Each picture is followed by its records of every task; with examples,
/// each record's request begins with its own.
struct DrawnBatch {
  std::vector<std::vector<Record>> records;  // of each task
  // The distinct pictures, first those of the records, then those of the examples: pixels [P,3,H,W] or
  // features [P,N,D]; undefined for text.
  at::Tensor pictures;
  // For each task, which pictures a record's prompt shows, in order: [rows,T] int64 into `pictures`; rows
  // with fewer pictures end with any index. Undefined without examples.
  std::vector<at::Tensor> shown;
};

/// Draws batches, which depend only on their number. Several threads may call it.
class BatchSource {
 public:
  /// Error: the dataset has fewer records than belong to one picture.
  BatchSource(const TrainingParts& parts, const std::vector<TrainedTask>& tasks, bool with_pictures);

  /// `count` pictures of the step's batch, starting with picture `first`, with the records of the first
  /// `tasks` tasks. Error: a record does not have exactly one picture, or not that of the other records.
  DrawnBatch draw(int64_t step, int64_t first, int64_t count, size_t tasks) const;
  const std::vector<TrainedTask>& tasks() const { return *tasks_; }
  /// The number of pictures after which the records start again.
  int64_t pictures() const { return *std::min_element(pictures_.begin(), pictures_.end()); }
  /// Whether the dataset gives features instead of pictures, so that the backbone doesn't run.
  bool from_features() const { return from_features_; }

 private:
  /// Pixels [3,H,W] or features [N,D]; `random`: what the transforms of training draw from, else null.
  at::Tensor input_of(const PictureSource& source, const std::string& id, Random* random) const;
  /// Puts examples before the record, and returns the inputs of their pictures.
  std::vector<at::Tensor> add_shots(const TrainedTask& task, int64_t query, Record& record,
                                    Random* random) const;

  const TrainingParts* parts_;
  const std::vector<TrainedTask>* tasks_;
  bool with_pictures_, from_features_ = false;
  std::vector<int64_t> pictures_;  // for each task, the number after which its records start again
};

}  // namespace flam
