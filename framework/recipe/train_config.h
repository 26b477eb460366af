#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "framework/registry/registry.h"
#include "framework/weights/load.h"

namespace flam {

/// The config's `train:` map: one stage of training.
struct FLAM_API TrainConfig {
  /// What training minimises: the sum of the losses of these, each times its weight.
  struct WeightedObjective {
    ComponentConfig component;
    double weight = 1;
  };

  Value objectives = Value::List{"answers"};       // list of names and {type: …, weight: …}
  Value trained;                                   // pattern → learning rate
  Value task_heads;                                // list of {type: …}; empty: the config's task head
  std::vector<int64_t> records_per_picture = {1};  // for each task head
  std::vector<int64_t> num_shots;                  // [least, most] examples before each record; empty: none
  bool learn_shots = true;
  Value init_from;  // a list of paths and of files as in weights.files; null: the config's weights.files
  std::vector<std::string> init_patterns = {"*"};
  bool init_where_it_fits = false;
  double new_tensor_rate = 0.0;
  std::string output;
  bool save_frozen = true;

  int64_t steps = 1000;
  int64_t batch_size = 32;
  int64_t micro_batch_size = 0;
  Value transforms;           // list of {type: …}, instead of the config's; null: the config's
  Value optimizer = "adamw";  // {type: …}, or the name alone
  enum class Schedule { cosine, linear, constant };
  Schedule schedule = Schedule::cosine;
  double final_fraction = 0.02;
  int64_t warmup_steps = 100;
  double weight_decay = 0.02;
  std::vector<std::string> no_weight_decay;
  double ema_decay = 0.0;
  double max_grad_norm = 1.0;
  bool bfloat16 = false;
  int64_t seed = 0;

  int64_t log_every = 50;
  int64_t sample_every = 500;
  int64_t checkpoint_every = 1000;
  std::string tensorboard;

  Value validation_dataset;
  int64_t validate_every = 0;
  int64_t validation_records = 256;
  int64_t patience = 0;

  std::vector<ComponentConfig> heads;                  // parsed task_heads
  ComponentConfig validation;                          // parsed validation_dataset
  std::vector<ComponentConfig> augmentations;          // parsed transforms
  ComponentConfig optimizer_config;                    // parsed optimizer
  std::vector<WeightedObjective> weighted_objectives;  // parsed objectives
  std::optional<WeightsConfig> start;                  // parsed init_from

  void visit(ParamVisitor& v);
  /// The part of an objective's node that its component declares: without `weight`.
  static Value without_weight(Value objective);
  static TrainConfig parse(const Value& node, Registry& registry, ErrorList& errors);
  Value resolved() const;
  /// The files that training starts from: those of init_from, or else `weights`, with the options of the
  /// other init_ parameters.
  WeightsConfig start_files(const WeightsConfig& weights) const;
  /// What a run writes: the output, its checkpoint, its numbers, and with a validation dataset the best
  /// weights.
  std::string checkpoint_file() const { return output + ".checkpoint"; }
  std::string metrics_file() const { return output + ".metrics.jsonl"; }
  std::string best_file() const;  // x.best.safetensors for x.safetensors
  /// The patterns and rates of `trained`, in order. A tensor gets the rate of the first pattern that matches
  /// it.
  std::vector<std::pair<std::string, double>> rates() const;
};

}  // namespace flam
