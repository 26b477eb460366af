#include "framework/train/train.h"

#include <filesystem>
#include <optional>

#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/device/device.h"
#include "framework/device/one_thread.h"
#include "framework/device/threads.h"
#include "framework/model/checked.h"
#include "framework/recipe/input_files.h"
#include "framework/recipe/outputs.h"
#include "framework/weights/quantize_weights.h"

namespace flam {

namespace {

TrainedTask make_task(const RunConfig& config, const ComponentConfig& head, const ComponentConfig& dataset,
                      int64_t records_per_picture, const Registry& registry, const Tokenizer& tokenizer) {
  TrainedTask task;
  task.head = config.build_task_head(head, registry, tokenizer);
  Dataset::Input input = Dataset::Input::of(*task.head);
  input.records_per_picture = records_per_picture;
  task.dataset = build_checked<Dataset>(registry, dataset, input);
  task.records_per_picture = records_per_picture;
  return task;
}

std::string course_of(const RunConfig& config) {
  Value tree = config.resolved();
  for (const char* key : {"metrics", "meta"}) tree.erase(key);
  if (config.train->start) tree.erase("weights");  // otherwise training starts from them
  for (const char* key : {"output", "log_every", "sample_every", "checkpoint_every", "tensorboard"})
    tree.find("train")->erase(key);
  return write_json(tree);
}

/// Error: `train.output` or its checkpoint is a file that the run reads: a config, the tokenizer, weights to
/// start from, or anything that the datasets and objectives name.
void keep_inputs(const RunConfig& config) {
  Outputs outputs;
  const TrainConfig& train = *config.train;
  const std::vector<std::string> trained = {"settings_sha256", "steps"};
  outputs.add_safetensors("`train.output`", train.output, trained);
  outputs.add_safetensors("the checkpoint of `train.output`", train.checkpoint_file(), {"settings"});
  outputs.add("the metrics of `train.output`", train.metrics_file());
  if (train.validation)
    outputs.add_safetensors("the best weights of `train.output`", train.best_file(), trained);
  outputs.keep(config);
  const WeightsConfig start = config.train->start_files(config.weights);
  for (const WeightsFile& file : start.files) outputs.keep_weights(start.path_of(file));
  std::vector<const ComponentConfig*> readers = {&config.dataset, &train.validation};
  if (config.shots) readers.push_back(&config.shots->source);
  for (const auto& objective : train.weighted_objectives) readers.push_back(&objective.component);
  for (const ComponentConfig* component : readers) {
    if (!*component) continue;
    const Value parameters = component->resolved();
    const Value* folder = parameters.find("folder");
    each_text_as_path(parameters, folder && folder->is_string() ? folder->as_string() : "",
                      [&](const std::filesystem::path& file) { outputs.keep(file); });
  }
  outputs.keep_other_content();
}

/// The largest divisor of the batch that gives each process a part.
int64_t largest_part(int64_t batch, int64_t processes) {
  int64_t size = batch / processes;
  while (batch % size != 0) --size;
  return size;
}

/// Error: a step has fewer micro-batches than there are processes.
void require_part_for_each(const TrainConfig& config, int64_t processes) {
  const int64_t batches = micro_batches_of(config);
  if (batches >= processes) return;
  throw Error(
      cat("a step has ", batches == 1 ? "1 micro-batch" : cat(batches, " micro-batches"),
          " (`train.batch_size` ", config.batch_size, ", `train.micro_batch_size` ", config.micro_batch_size,
          "), fewer than the ", processes, " processes, which share them; ",
          config.batch_size < processes
              ? cat("start at most ", config.batch_size, config.batch_size == 1 ? " process" : " processes",
                    ", or set a larger train.batch_size")
              : cat("set train.micro_batch_size to ", largest_part(config.batch_size, processes))));
}

}  // namespace

bool train(const std::string& config_name, const RunOptions& options, const TrainHooks& hooks, bool overwrite,
           Group* group) {
  const auto registry = open_registry(options.plugin_path);
  const RunConfig config = RunConfig::load(config_name, options.overrides, *registry);
  refuse_quantized(config.weights.quantize, "training computes with numbers");
  if (!config.train) throw Error(cat("config ", quoted(config_name), " has no `train` map"));
  if (!config.dataset) throw Error(cat("config ", quoted(config_name), " names no `dataset` to train on"));
  if (group) {
    require_same_settings(*group, course_of(config), hooks.cancelled);
    require_part_for_each(*config.train, group->launch().world_size);
  }
  if (!group || group->is_first()) keep_inputs(config);
  make_threads(thread_count(options.threads));  // first, as in Session::open
  const ThreadCount computing(thread_count(options.threads));

  const auto model = Model::assemble(config.model, *registry);
  const TransformChain transforms(config.transforms, *registry);
  const MediaLayout& layout = model->media_layout();
  if (layout.max_crops() > 1 || layout.tile_slots() > 1) {
    throw Error(config.model.media_layout.where,
                cat(config.model.media_layout.label(),
                    " makes several crops of a picture, but training takes one for each picture; set "
                    "model.media_layout={type: single} and transforms that give the backbone's size"));
  }
  transforms.check_output(layout, model->vision_backbone().image_size(), config.model.vision_backbone);
  config.load(model->tokenizer());

  TrainingParts parts{*config.train,
                      *model,
                      *registry,
                      transforms,
                      config.pictures,
                      config.generation.stop_tokens,
                      {},
                      {},
                      course_of(config),
                      config.train->start_files(config.weights),
                      config.name,
                      config.dataset.type->name,
                      overwrite};
  std::vector<ComponentConfig> heads = config.train->heads;
  if (heads.empty() && config.task_head) heads.push_back(config.task_head);
  if (heads.empty()) throw Error("neither `train.task_heads` nor `task_head` names what to train");
  const bool with_shots = !config.train->num_shots.empty();
  if (with_shots && config.shots->selection != ShotsConfig::Selection::random &&
      config.shots->selection != ShotsConfig::Selection::same_kind) {
    throw Error("training draws examples anew for each record; set `shots.selection` to random or same_kind");
  }
  const auto& counts = config.train->records_per_picture;
  if (counts.size() != heads.size()) {
    throw Error(
        cat("`train.records_per_picture` has ", counts.size(), " numbers for ", heads.size(), " task heads"));
  }
  for (size_t i = 0; i < heads.size(); ++i) {
    const auto task_on = [&](const ComponentConfig& dataset) {
      return make_task(config, heads[i], dataset, counts[i], *registry, model->tokenizer());
    };
    TrainedTask& task = parts.tasks.emplace_back(task_on(config.dataset));
    if (with_shots) {
      task.shots = std::make_shared<const ShotSource>(
          *config.shots,
          build_checked<Dataset>(*registry, config.shots->source, Dataset::Input::of(*task.head)));
      const int64_t most = config.train->num_shots.back(), size = task.shots->dataset->size();
      if (size <= most)  // one of them may be the record itself
        throw Error(config.shots->source.where,
                    cat("`train.num_shots` asks for up to ", counted(most, "example"),
                        " before a record, but the dataset of the shots has ", counted(size, "record"),
                        "; it must have more"));
    }
    if (!config.train->validation) continue;
    parts.validation.push_back(task_on(config.train->validation));
    parts.validation.back().shots = task.shots;
  }
  const std::unique_ptr<Optimizer> optimizer = registry->build<Optimizer>(config.train->optimizer_config, {});
  std::optional<TransformChain> augmentations;
  if (!config.train->augmentations.empty()) {
    augmentations.emplace(config.train->augmentations, *registry);
    augmentations->check_output(layout, model->vision_backbone().image_size(), config.model.vision_backbone);
    parts.augmentations = &*augmentations;
  }
  model->place(resolve_device(options.device), at::kFloat);
  std::optional<Collectives> collectives;
  if (group) collectives.emplace(*group, hooks.cancelled);
  Exchange exchange(collectives ? &*collectives : nullptr);
  // Processes that the launcher starts again replace what they have written themselves.
  const std::string started = "train/" + config.train->output;
  if (group) parts.overwrite = overwrite || group->was_done(started);
  Trainer trainer(parts, model->weights(), *optimizer, exchange);
  if (group && group->is_first()) group->mark_done(started);
  return trainer.run(hooks);
}

}  // namespace flam
