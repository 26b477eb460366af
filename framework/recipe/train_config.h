#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "framework/registry/registry.h"

namespace flam {

/// The config's `train:` map: one stage of training.
struct FLAM_API TrainConfig {
  enum class Objective { labels, classes, text, answers };
  enum class Optimizer { adamw, muon };

  Objective objective = Objective::answers;
  Value trained;                                   // pattern → learning rate
  Value task_heads;                                // list of {type: …}; empty: the config's task head
  std::vector<int64_t> records_per_picture = {1};  // for each task head
  std::vector<std::string> init_from;
  std::vector<std::string> init_patterns = {"*"};
  bool init_where_it_fits = false;
  double new_tensor_rate = 0.0;
  std::string output;
  bool save_frozen = true;

  int64_t steps = 1000;
  int64_t batch_size = 32;
  int64_t micro_batch_size = 0;
  Optimizer optimizer = Optimizer::adamw;
  double final_fraction = 0.02;
  int64_t warmup_steps = 100;
  double weight_decay = 0.02;
  double beta1 = 0.9;
  double beta2 = 0.98;
  double momentum = 0.95;
  double max_grad_norm = 1.0;
  double label_weight = 0.0;
  bool bfloat16 = false;
  int64_t seed = 0;

  int64_t log_every = 50;
  int64_t sample_every = 500;
  int64_t checkpoint_every = 1000;

  std::vector<ComponentConfig> heads;  // parsed task_heads

  void visit(ParamVisitor& v);
  static TrainConfig parse(const Value& node, Registry& registry, ErrorList& errors);
  Value resolved() const;
  /// The patterns and rates of `trained`, in order. A tensor gets the rate of the first pattern that matches
  /// it.
  std::vector<std::pair<std::string, double>> rates() const;
};

}  // namespace flam
