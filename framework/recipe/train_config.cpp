#include "framework/recipe/train_config.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "framework/base/text.h"

namespace flam {

void TrainConfig::visit(ParamVisitor& v) {
  v("objectives", objectives,
    "what is learnt, [{type: labels, weight: 0.2}, answers]: the sum of the losses of these objectives, each "
    "times its weight (1 unless given; 0: the loss is logged and adds nothing)");
  v("trained", trained,
    "map from patterns over tensor names (SLOT.NAME, * matches anything) to learning rates; the first match "
    "counts, and tensors that no pattern matches are frozen",
    required());
  v("task_heads", task_heads,
    "task heads that are trained together, [{type: caption}, …]; null: the config's task head");
  v("records_per_picture", records_per_picture,
    "records of each task head that share one picture, in the order of task_heads");
  v("num_shots", num_shots,
    "[least, most]: how many examples of the config's `shots` stand before each record, drawn for each one; "
    "[]: none");
  v("learn_shots", learn_shots,
    "whether the answers of the examples are learnt too, each from the examples before it; false: only the "
    "record's own answer");
  v("init_from", init_from,
    "files that training starts from: paths, or files with a layout as in weights.files; later files "
    "override "
    "earlier ones, and tensors in none of them are initialised. null: the config's weights.files, []: none");
  v("init_patterns", init_patterns,
    "which tensors training starts from, of those in the files (SLOT.NAME, * matches anything)");
  v("init_where_it_fits", init_where_it_fits,
    "skip tensors of these files that this model lacks or has in another shape, instead of refusing them");
  v("new_tensor_rate", new_tensor_rate,
    "learning rate of tensors that no pattern of trained matches and no file that training starts from has; "
    "0: they keep "
    "their initial values",
    at_least(0));
  v("output", output,
    "weights file to write; a relative path is relative to the current folder. The checkpoint is stored "
    "beside "
    "it",
    required());
  v("save_frozen", save_frozen,
    "whether the output file also holds the tensors of files that are not trained; false: only the "
    "trained ones, for parts that have a file of their own");
  v("steps", steps, "optimiser steps", at_least(1));
  v("batch_size", batch_size, "pictures per step", at_least(1));
  v("micro_batch_size", micro_batch_size,
    "pictures that one thread computes at a time; must divide batch_size. The loss is the mean over the "
    "micro-batches. As many of them as there are threads are in memory at once, with the gradients of all. "
    "0: the whole batch at once, with threads inside each operator",
    at_least(0));
  v("transforms", transforms,
    "transforms of training's pictures, [{type: random_resized_crop}, …]; the config's `transforms` are then "
    "used in validation and inference only. null: those for both, with their random choices in training");
  v("optimizer", optimizer, "optimizer, {type: muon, momentum: 0.9}, or its name alone");
  v("schedule", schedule, "how the learning rate falls after the warm-up",
    choices("cosine", "linear", "constant"));
  v("final_fraction", final_fraction, "fraction of the learning rate that is left at the end of the schedule",
    between(0, 1));
  v("warmup_steps", warmup_steps, "steps of linear warm-up", at_least(0));
  v("weight_decay", weight_decay, "decoupled weight decay, for matrices only", at_least(0));
  v("no_weight_decay", no_weight_decay,
    "patterns of matrices without weight decay (SLOT.NAME, * matches "
    "anything)");
  v("ema_decay", ema_decay,
    "the output file holds an average of the trained weights over the steps, w·decay + weight·(1 − decay); "
    "0: "
    "the weights of the last step. 0.999 averages over about 1000 steps",
    between(0, 1));
  v("max_grad_norm", max_grad_norm, "gradients are scaled down to this norm; 0: never", at_least(0));
  v("bfloat16", bfloat16, "matrix products in bfloat16 (autocast)");
  v("seed", seed, "seed of the initial weights; the order of records depends on the dataset's own seed");
  v("log_every", log_every, "steps between log lines", at_least(1));
  v("sample_every", sample_every, "steps between samples of the model's answers; 0: none", at_least(0));
  v("checkpoint_every", checkpoint_every, "steps between checkpoints; 0: none before the end", at_least(0));
  v("tensorboard", tensorboard,
    "folder for TensorBoard's event files, relative to the current folder; empty: none. The same numbers are "
    "in "
    "the file OUTPUT.metrics.jsonl");
  v("validation_dataset", validation_dataset,
    "dataset of records that are not trained on, whose loss is computed every validate_every steps; null: "
    "none");
  v("validate_every", validate_every, "steps between validations; 0: none", at_least(0));
  v("validation_records", validation_records, "pictures of the validation dataset that are used",
    at_least(1));
  v("patience", patience, "training ends early after that many validations without an improvement; 0: never",
    at_least(0));
}

namespace {

/// {type: NAME} of a name alone; anything else as it is.
Value with_type(const Value& node) {
  if (!node.is_string()) return node;
  Value named = Value::map(node.where());
  named.set("type", node);
  return named;
}

std::vector<TrainConfig::WeightedObjective> parse_objectives(const Value& list, Registry& registry,
                                                             ErrorList& errors) {
  std::vector<TrainConfig::WeightedObjective> out;
  if (!list.is_list() || list.as_list().empty()) {
    errors.add(list.where(), cat("`objectives` must be a list of at least one objective, such as [answers], "
                                 "found ",
                                 list.describe()));
    return out;
  }
  for (const Value& node : list.as_list()) {
    const Value* weight = node.find("weight");
    const bool is_number = weight && weight->is_number();
    if (weight && (!is_number || !std::isfinite(weight->as_double()) || weight->as_double() < 0)) {
      errors.add(weight->where(), cat("the `weight` of an objective must be a finite number of at least 0, "
                                      "found ",
                                      weight->describe()));
    }
    TrainConfig::WeightedObjective each;
    each.component = registry.parse("objective", TrainConfig::without_weight(with_type(node)), errors);
    if (is_number) each.weight = weight->as_double();
    out.push_back(std::move(each));
  }
  if (std::ranges::all_of(out, [](const auto& each) { return each.weight == 0; }))
    errors.add(list.where(), "every objective in `objectives` has the weight 0, so nothing would be trained");
  return out;
}

}  // namespace

Value TrainConfig::without_weight(Value objective) {
  if (objective.is_map()) objective.erase("weight");
  return objective;
}

TrainConfig TrainConfig::parse(const Value& node, Registry& registry, ErrorList& errors) {
  TrainConfig config;
  read_params(ParamsRef(config), node, "`train`", {}, errors);
  if (!config.trained.is_null() && !config.trained.is_map()) {
    errors.add(config.trained.where(),
               cat("`trained` must map patterns to learning rates, found ", config.trained.describe()));
  } else if (config.trained.is_map()) {
    if (config.trained.as_map().empty())
      errors.add(config.trained.where(), "`trained` is empty, so nothing would be trained");
    for (const auto& member : config.trained.as_map()) {
      if (!member.value.is_number() || !std::isfinite(member.value.as_double()) ||
          member.value.as_double() <= 0) {
        errors.add(member.value.where(),
                   cat("the learning rate of ", quoted(member.key),
                       " must be a finite number above 0, found ", member.value.describe()));
      }
    }
  }
  if (!config.init_from.is_null())
    config.start = WeightsConfig::parse_list(config.init_from, "train.init_from", errors);
  if (!config.output.empty())
    config.output = std::filesystem::absolute(config.output).lexically_normal().string();
  if (const Value* output = node.find("output"); output && !output->is_null() && config.output.empty())
    errors.add(output->where(), "`output` is an empty path; name the weights file to write");
  if (config.task_heads.is_list()) {
    for (const Value& head : config.task_heads.as_list())
      config.heads.push_back(registry.parse("task_head", head, errors));
  } else if (!config.task_heads.is_null()) {
    errors.add(config.task_heads.where(),
               cat("`task_heads` must be a list, found ", config.task_heads.describe()));
  }
  if (config.transforms.is_list()) {
    for (const Value& transform : config.transforms.as_list())
      config.augmentations.push_back(registry.parse("transform", transform, errors));
    if (config.augmentations.empty())
      errors.add(config.transforms.where(),
                 "`transforms` of `train` is empty; null means those of the config");
  } else if (!config.transforms.is_null()) {
    errors.add(config.transforms.where(),
               cat("`transforms` of `train` must be a list, found ", config.transforms.describe()));
  }
  const Value optimizer = config.optimizer.is_null() ? Value("adamw", node.where()) : config.optimizer;
  config.optimizer_config = registry.parse("optimizer", with_type(optimizer), errors);
  config.weighted_objectives = parse_objectives(config.objectives, registry, errors);
  if (config.validation_dataset.is_map()) {
    config.validation = registry.parse("dataset", config.validation_dataset, errors);
  } else if (!config.validation_dataset.is_null()) {
    errors.add(config.validation_dataset.where(),
               cat("`validation_dataset` must be a dataset, {type: …}, found ",
                   config.validation_dataset.describe()));
  }
  if (config.validation_dataset.is_null() != (config.validate_every == 0)) {
    errors.add(node.where(), config.validate_every == 0
                                 ? "`validation_dataset` is given, but `validate_every` is 0; set it to the "
                                   "number of steps between validations"
                                 : "`validate_every` is set, but there is no `validation_dataset`; give one");
  }
  if (config.patience > 0 && config.validate_every == 0)
    errors.add(node.where(), "`patience` needs validations; set `validation_dataset` and `validate_every`");
  if (config.ema_decay == 1)
    errors.add(node.where(), "`ema_decay` is 1, so the average would never change; expected less than 1");
  if (config.micro_batch_size > 0 && config.batch_size % config.micro_batch_size != 0) {
    errors.add(node.where(), cat("`micro_batch_size` ", config.micro_batch_size,
                                 " doesn't divide `batch_size` ", config.batch_size));
  }
  const auto& shots = config.num_shots;
  if (shots.empty() && !config.learn_shots)
    errors.add(
        node.where(),
        "`learn_shots` is for examples before a record; set `num_shots` to [least, most], or leave it out");
  if (!shots.empty() && (shots.size() != 2 || shots[0] < 0 || shots[0] > shots[1] || shots[1] > 10'000))
    errors.add(node.where(), "`num_shots` must be [least, most], two numbers between 0 and 10000, or []");
  for (const int64_t count : config.records_per_picture) {
    if (count < 1 || count > 1 << 20)
      errors.add(node.where(), "`records_per_picture` must be between 1 and 1048576 for each task head");
  }
  return config;
}

Value TrainConfig::resolved() const {
  TrainConfig copy = *this;
  if (start) copy.init_from = start->resolved_list();
  Value out = write_params(ParamsRef(copy));
  const auto set_list = [&](const char* key, const std::vector<ComponentConfig>& configs) {
    if (configs.empty()) return;
    Value list = Value::list();
    for (const ComponentConfig& each : configs) list.as_list().push_back(each.resolved());
    out.set(key, std::move(list));
  };
  set_list("task_heads", heads);
  set_list("transforms", augmentations);
  if (optimizer_config) out.set("optimizer", optimizer_config.resolved());
  Value objectives_with_weights = Value::list();
  for (const WeightedObjective& each : weighted_objectives) {
    if (!each.component) continue;
    Value node = each.component.resolved();
    node.set("weight", each.weight);
    objectives_with_weights.as_list().push_back(std::move(node));
  }
  if (!objectives_with_weights.as_list().empty()) out.set("objectives", std::move(objectives_with_weights));
  if (validation) out.set("validation_dataset", validation.resolved());
  return out;
}

std::string TrainConfig::best_file() const {
  std::filesystem::path file = output;
  const std::string extension = file.extension().string();
  return file.replace_extension(".best" + extension).string();
}

WeightsConfig TrainConfig::start_files(const WeightsConfig& weights) const {
  WeightsConfig files = start.value_or(weights);
  files.may_lack = files.writable = files.must_be_used = true;
  files.may_not_fit = init_where_it_fits;
  files.patterns = init_patterns;
  return files;
}

std::vector<std::pair<std::string, double>> TrainConfig::rates() const {
  std::vector<std::pair<std::string, double>> out;
  if (!trained.is_map()) return out;
  for (const auto& member : trained.as_map()) out.emplace_back(member.key, member.value.as_double());
  return out;
}

}  // namespace flam
