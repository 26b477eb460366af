#pragma once
#include <optional>
#include <string>
#include <vector>

#include "framework/params/params.h"

namespace flam {

/// The config's `train:` map: one stage of training.
struct FLAM_API TrainConfig {
  enum class Objective { backbone_labels, text, answers };

  Objective objective = Objective::answers;
  std::vector<std::string> trained = {"*"};  // patterns over slot names; the rest is frozen
  std::vector<std::string> init_from;        // weights of earlier stages, later files override
  std::string output;                        // weights file that the stage writes

  int64_t steps = 1000;
  int64_t batch_size = 64;
  double learning_rate = 1e-3;
  double final_learning_rate = 0.0;
  int64_t warmup_steps = 100;
  double weight_decay = 0.01;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double max_grad_norm = 1.0;
  bool bfloat16 = false;
  int64_t seed = 0;

  int64_t log_every = 50;
  int64_t sample_every = 500;
  int64_t checkpoint_every = 1000;

  void visit(ParamVisitor& v);
};

}  // namespace flam
