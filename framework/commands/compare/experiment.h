#pragma once
// An experiment: a base config, and variants of it that differ in a few values. Stages train each of them
// alike, tasks score them alike. docs/compare.md shows the file.

#include <optional>
#include <string>
#include <vector>

#include "framework/registry/registry.h"

namespace flam {

/// Dotted names to values, laid onto a config as files would be: {model.resampler: {type: mlp}}.
struct Overlay {
  std::string name;
  Value set;
};

/// One stage of training.
struct ExperimentStage : Overlay {
  std::vector<std::string> only_if_changed;  // parts of the model; empty: every variant
  void visit(ParamVisitor& v);
};

/// What a trained variant is scored on.
struct ExperimentTask : Overlay {
  int64_t limit = 0;
  int64_t batch_size = 50;
  bool blind = true;
  void visit(ParamVisitor& v);
};

struct ExperimentVariant : Overlay {
  void visit(ParamVisitor& v);
};

struct ExperimentBench {
  int64_t records = 20;
  int64_t warmup = 3;
  int64_t new_tokens = 20;
  void visit(ParamVisitor& v);
};

struct FLAM_API Experiment {
  enum class Weights { config, random };

  std::string name;  // stem of the file
  // As written.
  std::string base;
  Value set, variants, grid, stages, evaluate;
  std::vector<int64_t> seeds = {1};
  Weights weights = Weights::config;
  ExperimentBench bench;
  int64_t pictures = 6;
  int64_t prompt_tokens = 32;
  std::string output;
  // Parsed.
  std::vector<ExperimentVariant> all_variants;  // the list, then the grid's combinations
  std::vector<ExperimentStage> all_stages;
  std::vector<ExperimentTask> all_tasks;
  Value base_tree;  // merged, `set` applied

  void visit(ParamVisitor& v);

  /// Error: every one of the file at once. The base must parse; a variant need not, it fails when its turn
  /// comes.
  static Experiment parse(const Value& tree, Registry& registry);
  /// By path, or by name: the stem of a file below `experiments` of the configs folder.
  static Experiment load(const std::string& name_or_path, const std::vector<std::string>& overrides,
                         Registry& registry);
};

/// JSON Schema of an experiment's file.
FLAM_API Value experiment_schema();

/// Lays every member of `set` onto the config.
FLAM_API void lay_onto(Value& config, const Value& set);

}  // namespace flam
