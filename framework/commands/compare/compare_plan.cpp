#include "framework/commands/compare/compare_plan.h"

#include <dlfcn.h>

#include <algorithm>
#include <map>
#include <set>

#include "framework/base/file.h"
#include "framework/base/hash.h"
#include "framework/base/text.h"
#include "framework/commands/describe/config_diff.h"
#include "framework/config/config.h"
#include "framework/recipe/run_config.h"
#include "framework/registry/reason.h"

namespace flam {

namespace {

/// Computes hashes of files; each file is read once.
class FileHashes {
 public:
  /// The hash of a file, or those of all files in a folder, one after the other. Returns "" if there are
  /// none.
  const std::string& of(const std::filesystem::path& file) {
    auto [entry, fresh] = hashes_.try_emplace(file.native());
    std::error_code ignored;
    if (!fresh) return entry->second;
    if (std::filesystem::is_regular_file(file, ignored)) {
      entry->second = sha256_file(file);
    } else if (std::filesystem::is_directory(file, ignored)) {  // a model's folder
      std::vector<std::filesystem::path> inside;
      for (const auto& each : std::filesystem::directory_iterator(file)) {
        if (each.is_regular_file(ignored)) inside.push_back(each.path());
      }
      std::ranges::sort(inside);
      for (const auto& each : inside) entry->second += sha256_file(each);
    }
    return entry->second;
  }

 private:
  std::map<std::string, std::string> hashes_;
};

/// Returns this library and those of every component of a config, because results may change when one is
/// rebuilt.
std::set<std::string> libraries_of(const RunConfig& config) {
  std::set<std::string> out;
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&plan_experiment), &info) != 0 && info.dli_fname)
    out.insert(info.dli_fname);
  const auto add = [&](const ComponentConfig& component) {
    if (component && !component.type->origin.empty()) out.insert(component.type->origin.native());
  };
  for (const auto& part : ModelConfig::kParts) add(config.model.*part.config);
  const auto add_all = [&](const std::vector<ComponentConfig>& list) {
    for (const ComponentConfig& component : list) add(component);
  };
  add_all(config.transforms);
  add_all(config.metrics);
  add(config.task_head);
  add(config.dataset);
  if (config.train) {
    add_all(config.train->heads);
    add_all(config.train->augmentations);
    add(config.train->optimizer_config);
    for (const TrainConfig::WeightedObjective& objective : config.train->weighted_objectives)
      add(objective.component);
    add(config.train->validation);
  }
  return out;
}

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
    std::vector<std::string> outputs;  // of the earlier stages
    for (const ExperimentStage& stage : experiment_.all_stages) {
      if (!takes_part(stage, config)) continue;
      units.push_back(training(tree_of(variant, stage), stage.name, seed, units, outputs));
      outputs.push_back(units.back().file(".safetensors").native());
    }
    for (const ExperimentTask& task : experiment_.all_tasks)
      units.push_back(scoring(CompareUnit::Kind::evaluate, variant, task, seed, units, outputs));
    if (experiment_.bench.records > 0) {
      const ExperimentTask task =
          experiment_.all_tasks.empty() ? ExperimentTask{} : experiment_.all_tasks.front();
      units.push_back(scoring(CompareUnit::Kind::bench, variant, task, seed, units, outputs));
    }
    return units;
  }

  CompareUnit training(Value tree, const std::string& stage, int64_t seed,
                       const std::vector<CompareUnit>& before, const std::vector<std::string>& outputs) {
    if (!tree.find("train"))
      throw Error(cat("stage ", quoted(stage), " sets no `train`, and the base has none"));
    merge_train_defaults(tree);
    RunConfig config = parse(tree);
    if (!config.dataset) throw Error(cat("stage ", quoted(stage), " names no `dataset` to train on"));
    CompareUnit unit;
    unit.kind = CompareUnit::Kind::train;
    unit.name = "train " + stage;
    unit.config = config.resolved();
    for (const char* key : {"metrics", "meta"}) unit.config.erase(key);
    Value& train = *unit.config.find("train");
    train.set("seed", seed);
    if (Value* data = unit.config.find("dataset"); data->find("seed")) data->set("seed", seed);
    std::string key = key_of(unit, config, before, {"output", "init_from"});
    // As in flam train: without `init_from`, the first stage starts from the config's files. A later stage
    // starts from what the earlier ones wrote.
    const bool from_config =
        !config.train->start && outputs.empty() && experiment_.weights == Experiment::Weights::config;
    const WeightsConfig start = from_config ? config.weights : config.train->start.value_or(WeightsConfig());
    for (const WeightsFile& listed : start.files) {
      const std::string file = start.path_of(listed).string();
      if (hashes_.of(file).empty()) throw Error(cat("stage ", quoted(stage), ": no file ", quoted(file)));
      key += hashes_.of(file);
    }
    WeightsConfig layouts = start;  // what is taken from the files
    layouts.root.clear();
    for (WeightsFile& file : layouts.files) file.path.clear();
    key += write_json(layouts.resolved());
    finish(unit, stage, key);
    if (!from_config) {
      Value::List init = start.resolved_list().as_list();
      for (const std::string& output : outputs) init.emplace_back(output);
      train.set("init_from", std::move(init));
    }
    train.set("output", unit.file(".safetensors").native());
    return unit;
  }

  /// The plan chooses `output`, but the parser requires a value.
  static void merge_train_defaults(Value& tree) {
    Value& train = *tree.find("train");
    if (train.is_map()) train.set("output", "given");
  }

  CompareUnit scoring(CompareUnit::Kind kind, const ExperimentVariant& variant, const ExperimentTask& task,
                      int64_t seed, const std::vector<CompareUnit>& units,
                      const std::vector<std::string>& outputs) {
    Value tree = tree_of(variant, task);
    tree.erase("train");
    const RunConfig config = parse(tree);
    CompareUnit unit;
    unit.kind = kind;
    unit.task = task;
    const bool bench = kind == CompareUnit::Kind::bench;
    unit.name = bench ? "bench" : "evaluate " + task.name;
    unit.config = config.resolved();
    if (!outputs.empty()) {
      Value& weights = *unit.config.find("weights");
      weights.set("files", files_after(units, outputs, *weights.find("files")));
    }
    std::vector<CompareUnit> trained;  // what the result depends on
    std::copy_if(units.begin(), units.end(), std::back_inserter(trained),
                 [](const CompareUnit& u) { return u.kind == CompareUnit::Kind::train; });
    std::string key = key_of(unit, config, trained, {});
    if (outputs.empty()) {
      unit.random_weights = experiment_.weights == Experiment::Weights::random;
      key += unit.random_weights ? cat("random ", seed) : "config";
      for (const WeightsFile& file : config.weights.files) key += hashes_.of(config.weights.path_of(file));
    }
    const ExperimentBench& timing = experiment_.bench;
    key +=
        bench ? cat(" ", timing.records, " ", timing.warmup, " ", timing.new_tokens, " ", seed, " ", threads_)
              : cat(" ", task.limit, " ", task.batch_size, " ", task.blind, " ", experiment_.pictures);
    finish(unit, bench ? "bench" : task.name, key);
    return unit;
  }

  /// The files of a trained model: what the last stage wrote, or if a stage leaves out what it did not train
  /// (`save_frozen`), the config's files and what every stage wrote.
  static Value files_after(const std::vector<CompareUnit>& units, const std::vector<std::string>& outputs,
                           const Value& config_files) {
    const bool all_whole = std::ranges::all_of(units, [](const CompareUnit& unit) {
      return unit.kind != CompareUnit::Kind::train ||
             unit.config.find("train")->find("save_frozen")->as_bool();
    });
    Value files = all_whole ? Value::list() : config_files;
    for (const std::string& output : outputs) {
      if (all_whole && output != outputs.back()) continue;
      Value file = Value::map();
      file.set("path", output);
      files.as_list().push_back(std::move(file));
    }
    return files;
  }

  /// Combines the config, the libraries and the earlier stages.
  std::string key_of(const CompareUnit& unit, const RunConfig& config, const std::vector<CompareUnit>& before,
                     const std::vector<std::string>& ignored) {
    Value tree = unit.config;
    if (Value* train = tree.find("train"))
      for (const std::string& name : ignored) train->erase(name);
    if (!before.empty()) tree.find("weights")->erase("files");
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
