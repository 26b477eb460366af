// What a training run starts from, and what it writes.
#include <c10/core/GradMode.h>
#include <c10/util/accumulate.h>

#include <algorithm>
#include <filesystem>

#include "framework/base/file.h"
#include "framework/base/hash.h"
#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/model/border.h"
#include "framework/model/memory_need.h"
#include "framework/recipe/weights_files.h"
#include "framework/train/trainer.h"
#include "framework/weights/checkpoint.h"
#include "framework/weights/sources.h"

namespace flam {

namespace {

/// What an optimiser is told of a tensor, apart from its rates and state.
OptimizedTensor described(const WeightSlot& slot) {
  OptimizedTensor out;
  out.name = slot.name;
  out.is_matrix = slot.matrix && !slot.vocabulary;
  out.parts = slot.parts;
  out.value = slot.tensor;
  return out;
}

/// The bytes of the gradients, averages and the optimiser's state of what certainly trains. The weights are
/// still on the meta device.
int64_t optimizer_bytes(const TrainConfig& config, const WeightStore& weights, const Optimizer& optimizer) {
  int64_t numbers = 0;
  const auto rates = config.rates();
  Border border;
  if (config.optimizer_config) border = Border(config.optimizer_config);
  for (const auto& slot : weights.slots()) {
    const auto matches = [&](const auto& entry) { return match_pattern(entry.first, slot->name); };
    const auto found = std::ranges::find_if(rates, matches);
    if (found == rates.end() || found->second <= 0 || slot->statistic) continue;
    numbers += slot->numel() * (config.ema_decay > 0 ? 2 : 1);
    const OptimizedTensor tensor = described(*slot);
    for (const OptimizerState& state : border("state_of", [&] { return optimizer.state_of(tensor); }))
      numbers += std::max<int64_t>(c10::multiply_integers(state.shape), 0);
  }
  return numbers * static_cast<int64_t>(sizeof(float));
}

}  // namespace

Trainer::Trainer(TrainingParts& parts, WeightStore& weights, const Optimizer& optimizer, Exchange& exchange)
    : parts_(parts),
      exchange_(exchange),
      weights_(weights),
      objectives_(parts, objective_weights_),
      log_(parts.config.metrics_file(), parts.config.tensorboard) {
  if (exchange.is_first()) make_room_for_output();
  if (!parts.validation.empty()) validation_.emplace(parts, objectives_, exchange);
  load_initial_weights(optimizer);
  objective_weights_.initialise(parts.model.device(), at::kFloat, static_cast<uint64_t>(parts.config.seed));
  trained_ = std::make_unique<TrainedTensors>(parts_.config, optimizer, choose_tensors());
}

// Checked before training, because an output that can't be written would lose the result.
void Trainer::make_room_for_output() {
  const std::filesystem::path folder = std::filesystem::absolute(parts_.config.output).parent_path();
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem)
    throw Error(
        cat("cannot make the folder of `train.output`, ", quoted(folder.string()), ": ", problem.message()));
  const TrainConfig& config = parts_.config;
  lock_.emplace(config.output + ".lock");
  std::vector<std::string> files = {config.output};
  if (!parts_.validation.empty()) files.push_back(config.best_file());
  for (const std::string& file : files) {
    if (parts_.overwrite || !std::filesystem::exists(file) ||
        std::filesystem::exists(config.checkpoint_file()))
      continue;
    throw Error(
        cat(quoted(file), " exists and would be replaced; use --overwrite, or give another train.output"));
  }
  files.insert(files.end(), {config.checkpoint_file(), config.metrics_file()});
  for (const std::string& file : files) AtomicFile probe(file);
  if (!config.tensorboard.empty()) std::filesystem::create_directories(config.tensorboard, problem);
  if (problem) {
    throw Error(cat("cannot make the folder of `train.tensorboard`, ", quoted(config.tensorboard), ": ",
                    problem.message()));
  }
}

void Trainer::load_initial_weights(const Optimizer& optimizer) {
  const at::NoGradGuard no_grad;
  const TrainConfig& config = parts_.config;
  const WeightsConfig& start = parts_.start;
  const bool from_files = !start.files.empty();
  require_files(start, config.start
                           ? "train.init_from lists it; name a file that exists, or give [] to start from "
                             "initial values"
                           : "training starts from the config's weights.files; name their folder with --set "
                             "weights.root=DIR, or other files with train.init_from ([] for none)");
  require_memory(parts_.model, from_files ? &start : nullptr, parts_.model.device(), at::kFloat,
                 optimizer_bytes(config, weights_, optimizer),
                 "the gradients and moments of what is trained");
  try {
    left_out_ = parts_.model
                    .load(from_files ? &start : nullptr, parts_.model.device(), at::kFloat,
                          static_cast<uint64_t>(config.seed))
                    .left_out;
  } catch (const RunError&) {
    throw;
  } catch (const Error& error) {
    if (config.start) throw;
    throw Error(
        cat(error.what(),
            "\n  (training starts from the config's weights.files; train.init_from names other files, "
            "[] for none, and train.init_where_it_fits=true skips tensors that this model lacks)"));
  }
  if (!from_files || !exchange_.is_first()) return;
  std::vector<std::string> files;
  for (const WeightsFile& file : start.files) files.push_back(printable(start.path_of(file).string(), 1000));
  log_info(cat("training starts from ", join(files, ", "),
               config.start ? "" : " (the config's weights.files; train.init_from names others)"));
  if (left_out_ > 0)
    log_info(cat("skipped ", counted(left_out_, "tensor"), " that this model lacks or has in another shape"));
  // Of each component, in the order of the model.
  std::vector<std::pair<std::string, int64_t>> initialised;
  for (const auto& slot : weights_.slots()) {
    if (!slot->origins.empty()) continue;
    const std::string component = slot->name.substr(0, slot->name.find('.'));
    if (initialised.empty() || initialised.back().first != component) initialised.emplace_back(component, 0);
    ++initialised.back().second;
  }
  std::vector<std::string> counts;
  for (const auto& [component, count] : initialised)
    counts.push_back(cat(counted(count, "tensor"), " of the ", component));
  if (!counts.empty()) log_info(cat("no file gives ", join(counts, ", "), "; they have initial values"));
}

std::vector<TrainedTensor> Trainer::choose_tensors() {
  std::vector<TrainedTensor> out;
  const auto rates = parts_.config.rates();
  const auto add = [&](WeightSlot& slot, double rate) {
    slot.tensor.set_requires_grad(true);
    const bool decays = std::ranges::none_of(parts_.config.no_weight_decay, [&](const std::string& pattern) {
      return match_pattern(pattern, slot.name);
    });
    TrainedTensor tensor;
    tensor.base = described(slot);
    tensor.base.learning_rate = rate;
    tensor.base.weight_decay = decays && slot.tensor.dim() > 1 ? parts_.config.weight_decay : 0;
    out.push_back(std::move(tensor));
  };
  std::vector<bool> used(rates.size());
  for (const auto& slot : weights_.slots()) {
    if (slot->statistic) continue;
    const auto matching = std::find_if(rates.begin(), rates.end(), [&](const auto& entry) {
      return match_pattern(entry.first, slot->name);
    });
    if (matching != rates.end()) used[matching - rates.begin()] = true;
    const bool skipped = objectives_.from_features() && slot->name.starts_with("vision_backbone.");
    if (skipped && matching != rates.end()) {
      throw Error(cat("the pattern ", quoted(matching->first), " of `train.trained` matches ",
                      quoted(slot->name),
                      ", but the dataset gives features, so the backbone doesn't run and can't be trained; "
                      "name the slots to train (\"resampler.*\", …)"));
    }
    const double rate = matching != rates.end()             ? matching->second
                        : skipped || !slot->origins.empty() ? 0
                                                            : parts_.config.new_tensor_rate;
    if (rate == 0) continue;
    add(*slot, rate);
  }
  if (out.empty())
    throw Error(
        "no tensor matches a pattern of `train.trained` (`flam describe CONFIG --tensors` lists "
        "them)");
  for (size_t i = 0; i < rates.size(); ++i) {
    if (!used[i] && exchange_.is_first())
      log_info(cat("no tensor of this model gets its rate from the pattern ", quoted(rates[i].first),
                   " of `train.trained`: none matches it, or an earlier pattern matches them all"));
  }
  for (const auto& slot : objective_weights_.slots()) add(*slot, rates.front().second);
  return out;
}

std::map<std::string, std::string> Trainer::provenance(int64_t steps_done) const {
  if (sources_.empty()) sources_ = sources_json(weights_);
  return {{"format", "pt"},
          {"config", parts_.name},
          {"settings_sha256", sha256(parts_.settings)},
          {"dataset", parts_.dataset},
          {"steps", cat(steps_done)},
          {"seed", cat(parts_.config.seed)},
          {"version", FLAM_VERSION},
          {"sources", sources_}};
}

void Trainer::save(const std::string& file, int64_t steps_done) const {
  // Tensors that were neither trained nor loaded are left out: a later file would override the stage that
  // trains them.
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto& slot : weights_.slots()) {
    const auto owner = slot->statistic
                           ? weights_.find(slot->name.substr(0, slot->name.rfind('.')) + ".weight")
                           : slot;  // statistics go with the norm that uses them
    const bool loaded = parts_.config.save_frozen && !slot->origins.empty();
    if (!loaded && !(owner && owner->tensor.requires_grad())) continue;
    tensors.emplace_back(slot->name, slot->tensor.detach());
  }
  write_safetensors(file, tensors, provenance(steps_done));
}

}  // namespace flam
