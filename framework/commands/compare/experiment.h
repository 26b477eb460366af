#pragma once
// An experiment: a base config, and variants of it that differ in a few values. All variants are trained by
// the same stages and scored by the same tasks. docs/compare.md describes the file.

#include <optional>
#include <string>
#include <vector>

#include "framework/registry/registry.h"

namespace flam {

/// Maps dotted names to values, which are merged into a config like a file: {model.resampler: {type: mlp}}.
struct Overlay {
  std::string name;
  Value set;
};

/// One stage of training.
struct ExperimentStage : Overlay {
  std::vector<std::string> only_if_changed;  // parts of the model; empty: every variant
  void visit(ParamVisitor& v);
};

/// A task on which a trained variant is scored.
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

  /// Error: lists all errors of the file. The base config must be valid. A variant may be invalid; it then
  /// fails when it is planned.
  static Experiment parse(const Value& tree, Registry& registry);
  /// Loads an experiment by path, or by name: the stem of a file below `experiments` in the configs folder.
  static Experiment load(const std::string& name_or_path, const std::vector<std::string>& overrides,
                         Registry& registry);
};

/// Returns the JSON Schema of an experiment's file.
FLAM_API Value experiment_schema();

/// Merges every member of `set` into the config.
FLAM_API void lay_onto(Value& config, const Value& set);

}  // namespace flam
