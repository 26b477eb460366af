#include "framework/train/train_config.h"

namespace flam {

void TrainConfig::visit(ParamVisitor& v) {
  v("objective", objective,
    "what is learnt: the dataset's labels per patch (backbone alone), text without pictures (decoder alone), or answers",
    choices("backbone_labels", "text", "answers"));
  v("trained", trained, "patterns over tensor names (SLOT.NAME, * is anything); everything else is frozen");
  v("init_from", init_from, "weights files of earlier stages, later ones override; what they lack is initialised");
  v("output", output, "weights file that is written; checkpoints lie beside it");
  v("steps", steps, "optimiser steps", at_least(1));
  v("batch_size", batch_size, "records a step", at_least(1));
  v("learning_rate", learning_rate, "after the warm-up", more_than(0));
  v("final_learning_rate", final_learning_rate, "at the end of the cosine", at_least(0));
  v("warmup_steps", warmup_steps, "steps of linear warm-up", at_least(0));
  v("weight_decay", weight_decay, "of AdamW, for matrices only", at_least(0));
  v("beta1", beta1, "of AdamW", between(0, 1));
  v("beta2", beta2, "of AdamW", between(0, 1));
  v("max_grad_norm", max_grad_norm, "gradients are scaled down to this norm; 0: never", at_least(0));
  v("bfloat16", bfloat16, "matrix products in bfloat16 (autocast)");
  v("seed", seed, "of the weights, the order and the dataset");
  v("log_every", log_every, "steps between two lines of the log", at_least(1));
  v("sample_every", sample_every, "steps between two samples of what the model says; 0: never", at_least(0));
  v("checkpoint_every", checkpoint_every, "steps between two checkpoints; 0: only at the end", at_least(0));
}

}  // namespace flam
