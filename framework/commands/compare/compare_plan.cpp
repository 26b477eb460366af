#include "framework/commands/compare/compare_plan.h"

#include <algorithm>

#include "framework/base/hash.h"
#include "framework/base/text.h"
#include "framework/commands/compare/plan_hashes.h"
#include "framework/commands/describe/config_diff.h"
#include "framework/config/config.h"
#include "framework/recipe/run_config.h"
#include "framework/recipe/weights_files.h"
#include "framework/registry/reason.h"

namespace flam {

namespace {

/// The files that give a model's weights. Of two that give one tensor, the later one counts.
struct ModelFiles {
  Value::List files;   // entries as in weights.files, with absolute paths
  std::string hashes;  // of those that no stage has written

  void add_output(const CompareUnit& unit) {
    Value file = Value::map();
    file.set("path", unit.file(".safetensors").native());
    files.push_back(std::move(file));
  }
};

class Planner {
 public:
  Planner(const Experiment& experiment, Registry& registry, int threads)
      : experiment_(experiment), registry_(registry), threads_(threads) {
    base_ = parse(experiment.base_tree);
    base_.name = experiment.base;
  }

  ComparePlan plan() {
    ComparePlan out;
    for (const ExperimentVariant& variant : experiment_.all_variants) {
      ComparePlan::Variant& planned = out.variants.emplace_back();
      planned.name = variant.name;
      try {
        plan_variant(variant, planned);
      } catch (const std::exception& error) {
        planned.error = reason_of(error);
        planned.runs.clear();
      }
    }
    return out;
  }

 private:
  RunConfig parse(const Value& tree) { return RunConfig::parse(tree, registry_); }

  void plan_variant(const ExperimentVariant& variant, ComparePlan::Variant& planned) {
    RunConfig config = parse(tree_of(variant, {}));
    config.name = variant.name;
    const ConfigDiff diff = diff_configs(base_, config, registry_, experiment_.prompt_tokens);
    planned.description = describe_json(diff.b);
    for (auto& part : planned.description["parts"]) part.erase("tensors");
    for (const auto& section : diff.sections) planned.differences.push_back(section_text(section));
    for (const int64_t seed : experiment_.seeds)
      planned.runs.push_back({seed, units_of(variant, config, seed)});
  }

  Value tree_of(const ExperimentVariant& variant, const Overlay& overlay) const {
    Value tree = experiment_.base_tree;
    lay_onto(tree, overlay.set);
    lay_onto(tree, variant.set);
    return tree;
  }

  bool takes_part(const ExperimentStage& stage, const RunConfig& config) const {
    if (stage.only_if_changed.empty()) return true;
    const Value ours = config.model.resolved(), base = base_.model.resolved();
    return std::any_of(stage.only_if_changed.begin(), stage.only_if_changed.end(),
                       [&](const std::string& part) { return !(*ours.find(part) == *base.find(part)); });
  }

  std::vector<CompareUnit> units_of(const ExperimentVariant& variant, const RunConfig& config, int64_t seed) {
    std::vector<CompareUnit> units;
    ModelFiles model;  // after the stages so far
    for (const ExperimentStage& stage : experiment_.all_stages)
      if (takes_part(stage, config))
        units.push_back(training(tree_of(variant, stage), stage.name, seed, units, model));
    const std::vector<CompareUnit> trained = units;
    for (const ExperimentTask& task : experiment_.all_tasks)
      units.push_back(scoring(CompareUnit::Kind::evaluate, variant, task, seed, trained, model));
    if (experiment_.bench.records > 0) {
      const ExperimentTask task =
          experiment_.all_tasks.empty() ? ExperimentTask{} : experiment_.all_tasks.front();
      units.push_back(scoring(CompareUnit::Kind::bench, variant, task, seed, trained, model));
    }
    return units;
  }

  ModelFiles files_of(const WeightsConfig& weights, const std::string& advice = "") {
    require_files(weights, advice);
    ModelFiles out{weights.resolved_list().as_list(), {}};
    for (const WeightsFile& file : weights.files) out.hashes += hashes_.of(weights.path_of(file));
    WeightsConfig layouts = weights;  // what is taken from the files
    layouts.root.clear();
    for (WeightsFile& file : layouts.files) file.path.clear();
    out.hashes += write_json(layouts.resolved());
    return out;
  }

  /// Changes `model` from what the stage starts with to what it leaves. As in flam train, a stage starts from
  /// the model so far unless it has `init_from`; a later stage starts from both.
  CompareUnit training(Value tree, const std::string& stage, int64_t seed,
                       const std::vector<CompareUnit>& before, ModelFiles& model) {
    if (!tree.find("train"))
      throw Error(cat("stage ", quoted(stage), " sets no `train`, and the base has none"));
    merge_train_defaults(tree);
    RunConfig config = parse(tree);
    if (!config.dataset) throw Error(cat("stage ", quoted(stage), " names no `dataset` to train on"));
    const bool takes_all =
        !config.train->init_where_it_fits && config.train->init_patterns == TrainConfig().init_patterns;
    if (!config.train->save_frozen && !takes_all)
      throw Error(cat("stage ", quoted(stage),
                      " takes only some tensors of its files (`init_patterns`, `init_where_it_fits`), and "
                      "with `save_frozen: false` its output doesn't say which, so that the model can't be "
                      "put together again; leave `save_frozen` out"));
    const bool from_config =
        before.empty() && !config.train->start && experiment_.weights == Experiment::Weights::config;
    if (config.train->start) {
      ModelFiles start = files_of(*config.train->start, cat("`train.init_from` of the stage ", quoted(stage),
                                                            " lists it; [] for none"));
      start.files.insert(start.files.end(), model.files.begin(), model.files.end());
      start.hashes += model.hashes;
      model = std::move(start);
    } else if (from_config) {
      model = files_of(config.weights);
    }
    CompareUnit unit;
    unit.kind = CompareUnit::Kind::train;
    unit.name = "train " + stage;
    unit.config = config.resolved();
    for (const char* key : {"metrics", "meta"}) unit.config.erase(key);
    Value& train = *unit.config.find("train");
    train.set("seed", seed);
    if (Value* data = unit.config.find("dataset"); data->find("seed")) data->set("seed", seed);
    finish(unit, stage, key_of(unit, config, before, {"output", "init_from"}) + model.hashes);
    if (!from_config) train.set("init_from", model.files);  // flam train says more of the config's files
    train.set("output", unit.file(".safetensors").native());
    if (config.train->save_frozen) model = ModelFiles();
    model.add_output(unit);
    return unit;
  }

  /// The plan chooses `output`, but the parser requires a value.
  static void merge_train_defaults(Value& tree) {
    Value& train = *tree.find("train");
    if (train.is_map()) train.set("output", "given");
  }

  CompareUnit scoring(CompareUnit::Kind kind, const ExperimentVariant& variant, const ExperimentTask& task,
                      int64_t seed, const std::vector<CompareUnit>& trained, ModelFiles model) {
    Value tree = tree_of(variant, task);
    tree.erase("train");
    const RunConfig config = parse(tree);
    CompareUnit unit;
    unit.kind = kind;
    unit.task = task;
    const bool bench = kind == CompareUnit::Kind::bench;
    unit.name = bench ? "bench" : "evaluate " + task.name;
    unit.config = config.resolved();
    unit.random_weights = trained.empty() && experiment_.weights == Experiment::Weights::random;
    if (trained.empty() && !unit.random_weights) model = files_of(config.weights);
    std::string key = key_of(unit, config, trained, {}) + model.hashes;
    if (unit.random_weights) key += cat("random ", seed);
    if (!trained.empty()) unit.config.find("weights")->set("files", model.files);
    const ExperimentBench& timing = experiment_.bench;
    key +=
        bench ? cat(" ", timing.records, " ", timing.warmup, " ", timing.new_tokens, " ", seed, " ", threads_)
              : cat(" ", task.limit, " ", task.batch_size, " ", task.blind, " ", experiment_.pictures);
    finish(unit, bench ? "bench" : task.name, key);
    return unit;
  }

  /// Combines the config, the libraries and the earlier stages.
  std::string key_of(const CompareUnit& unit, const RunConfig& config, const std::vector<CompareUnit>& before,
                     const std::vector<std::string>& ignored) {
    Value tree = unit.config;
    if (Value* train = tree.find("train"))
      for (const std::string& name : ignored) train->erase(name);
    tree.find("weights")->erase("files");  // their hashes stand for them
    std::string key = unit.name + write_json(tree);
    for (const std::string& library : libraries_of(config)) key += hashes_.of(library);
    key += tokenizer_files(config);
    for (const CompareUnit& earlier : before) key += earlier.key;
    return key;
  }

  /// Returns the hashes of the files that the tokenizer's parameters name, relative to weights.root as in
  /// Tokenizer::load.
  std::string tokenizer_files(const RunConfig& config) {
    std::string out;
    const Value tokenizer = config.model.tokenizer.resolved();
    for (const Value::Member& member : tokenizer.as_map())
      if (member.key != "type" && member.value.is_string())
        out += hashes_.of(std::filesystem::path(config.weights.root) / member.value.as_string());
    return out;
  }

  void finish(CompareUnit& unit, const std::string& name, const std::string& key) const {
    constexpr size_t kDigits = 16;
    unit.key = sha256(key);
    std::string safe;
    for (const char c : name.substr(0, 40)) safe += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
    unit.stem =
        std::filesystem::path(experiment_.output) / "work" / (safe + "-" + unit.key.substr(0, kDigits));
  }

  const Experiment& experiment_;
  Registry& registry_;
  int threads_;
  RunConfig base_;
  FileHashes hashes_;
};

}  // namespace

const CompareUnit* ComparePlan::Run::first_unfinished() const {
  const auto found =
      std::find_if(units.begin(), units.end(), [](const CompareUnit& unit) { return !unit.result(); });
  return found == units.end() ? nullptr : &*found;
}

ComparePlan plan_experiment(const Experiment& experiment, Registry& registry, int threads) {
  return Planner(experiment, registry, threads).plan();
}

}  // namespace flam
