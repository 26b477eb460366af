#pragma once
// A whole config, parsed and checked: every top-level key, nothing built.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/component/task_head.h"
#include "framework/component/tokenizer.h"
#include "framework/component/types.h"
#include "framework/media/decode_options.h"
#include "framework/model/model_config.h"
#include "framework/recipe/train_config.h"
#include "framework/weights/load.h"

namespace flam {

struct FLAM_API RunConfig {
  std::string name;  // stem of the file, fit for a terminal
  ModelConfig model;
  DecodeOptions pictures;
  std::vector<ComponentConfig> transforms;
  ComponentConfig task_head;
  GenerationParams generation;
  WeightsConfig weights;
  ComponentConfig dataset;  // empty if the config has none
  std::vector<ComponentConfig> metrics;
  std::optional<TrainConfig> train;
  Value meta;
  Value source;  // the merged tree it was parsed from, for the origin of each value

  /// Parses the merged tree; throws one Error with every error of it.
  static RunConfig parse(const Value& tree, Registry& registry);
  /// load_config_tree() parsed, with its name.
  static RunConfig load(const std::string& name_or_path, const std::vector<std::string>& overrides,
                        Registry& registry);
  /// All defaults filled in; parses back to the same.
  Value resolved() const;
  /// A task head that ends its texts as `generation` does.
  std::unique_ptr<TaskHead> build_task_head(const ComponentConfig& head, const Registry& registry,
                                            const Tokenizer& tokenizer) const;
  /// Opens the tokenizer's file. Error: as Tokenizer::load, with the config's place.
  void load(Tokenizer& tokenizer) const;
};

/// Finds, reads and merges a config, then applies `--set` assignments in order.
FLAM_API Value load_config_tree(const std::string& name_or_path, const std::vector<std::string>& overrides);

}  // namespace flam
