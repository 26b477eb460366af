#pragma once
// The loss that a training stage minimises.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/component/dataset.h"
#include "framework/component/task_head.h"
#include "framework/media/decode_options.h"
#include "framework/model/model.h"
#include "framework/model/transform_chain.h"
#include "framework/recipe/train_config.h"

namespace flam {

/// A task head with the records that it is trained on.
struct TrainedTask {
  std::unique_ptr<TaskHead> head;
  std::unique_ptr<Dataset> dataset;
  int64_t records_per_picture = 1;
};

struct TrainingParts {
  const TrainConfig& config;
  Model& model;  // computes with const calls; only the loading of weights changes it
  const TransformChain& transforms;
  const DecodeOptions& pictures;
  const std::vector<std::string>& stop_tokens;  // of generation
  std::vector<TrainedTask> tasks;
  std::vector<TrainedTask> validation;  // the same heads with the validation dataset; empty: none
  std::string settings;       // everything that the run's result depends on; a checkpoint must have the same
  WeightsConfig start;        // the files that training starts from
  std::string name, dataset;  // of the config, and what it trains on, for the output's metadata
  bool overwrite = false;     // the output, if it exists
  const TransformChain* augmentations = nullptr;  // in training, instead of `transforms`; null: those
};

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
  int64_t pictures() const { return *std::min_element(pictures_.begin(), pictures_.end()); }
  /// Whether the dataset gives features instead of pictures, so that the backbone doesn't run.
  bool from_features() const { return from_features_; }

 private:
  struct Drawn {
    std::vector<std::vector<Record>> records;  // of each task
    at::Tensor pictures;                       // pixels [N,3,H,W] or features [N,P,D]; undefined for text
    at::Tensor patch_labels, media_labels;     // [N,G,K] int64, or undefined
  };
  void use(const std::vector<TrainedTask>& tasks);
  Drawn draw(int64_t step, int64_t first, int64_t count) const;
  /// Pixels [3,H,W] or features [P,D]; `random`: what the transforms of training draw from, else null.
  at::Tensor input_of(const Record& record, Random* random) const;
  Features features_of(const Drawn& drawn) const;
  at::Tensor media_of(const Features& features, Probe* probe = nullptr) const;
  /// The cross-entropy of what the resampler's classifier sees in whole pictures. `labels`: [N,G,1].
  at::Tensor class_loss(const Features& features, const at::Tensor& labels) const;
  at::Tensor text_loss(size_t task, const std::vector<Record>& records, const at::Tensor& media) const;
  std::vector<Weight> declare_heads(const WeightScope& scope, const std::vector<int64_t>& classes,
                                    int64_t width) const;

  const TrainingParts& parts_;
  const std::vector<TrainedTask>* tasks_ = nullptr;
  bool with_pictures_, with_labels_, from_features_ = false;
  std::vector<int64_t> pictures_;  // for each task, the number after which its records start again
  int64_t classes_ = 0;            // of whole pictures, for the objective `classes`
  std::vector<Weight> patch_heads_, media_heads_;  // [classes,D] for each column of the labels
};

}  // namespace flam
