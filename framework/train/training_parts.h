#pragma once
// What a training stage is made of.

#include <memory>
#include <string>
#include <vector>

#include "framework/component/dataset.h"
#include "framework/component/task_head.h"
#include "framework/media/decode_options.h"
#include "framework/model/model.h"
#include "framework/model/transform_chain.h"
#include "framework/recipe/shot_drawing.h"
#include "framework/recipe/train_config.h"
#include "framework/registry/registry.h"

namespace flam {

/// The records that are drawn as examples.
struct ShotSource {
  ShotSource(const ShotsConfig& config, std::unique_ptr<Dataset> source)
      : dataset(std::move(source)), drawing(config, *dataset) {}

  const std::unique_ptr<Dataset> dataset;
  const ShotDrawing drawing;
};

/// Pictures that are differentiated together.
inline int64_t micro_batch_of(const TrainConfig& config) {
  return config.micro_batch_size > 0 ? config.micro_batch_size : config.batch_size;
}
/// How often pictures are differentiated in a step.
inline int64_t micro_batches_of(const TrainConfig& config) {
  return config.batch_size / micro_batch_of(config);
}

/// A task head with the records that it is trained on.
struct TrainedTask {
  std::unique_ptr<TaskHead> head;
  std::unique_ptr<Dataset> dataset;
  int64_t records_per_picture = 1;
  std::shared_ptr<const ShotSource> shots;  // null: every record stands alone
};

struct TrainingParts {
  const TrainConfig& config;
  Model& model;              // computes with const calls; only the loading of weights changes it
  const Registry& registry;  // of the objectives
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

}  // namespace flam
