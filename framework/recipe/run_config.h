#pragma once
// A whole config, parsed and checked. No component is built yet.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/component/task_head.h"
#include "framework/component/tokenizer.h"
#include "framework/component/types.h"
#include "framework/media/decode_options.h"
#include "framework/model/model_config.h"
#include "framework/recipe/shots_config.h"
#include "framework/recipe/train_config.h"
#include "framework/weights/load.h"

namespace flam {

struct FLAM_API RunConfig {
  std::string name;  // stem of the file name, safe to print on a terminal
  ModelConfig model;
  DecodeOptions pictures;
  std::vector<ComponentConfig> transforms;
  ComponentConfig task_head;
  GenerationParams generation;
  WeightsConfig weights;
  std::string dtype = "float32";  // of the model, unless the command line names one
  ComponentConfig dataset;        // empty if the config has none
  std::optional<ShotsConfig> shots;
  std::vector<ComponentConfig> metrics;
  std::optional<TrainConfig> train;
  Value meta;
  Value source;  // the merged tree that the config was parsed from, which knows the origin of each value

  /// Parses the merged tree. Error: one that lists everything that is wrong.
  static RunConfig parse(const Value& tree, Registry& registry);
  /// Parses the tree from load_config_tree(), and sets the name.
  static RunConfig load(const std::string& name_or_path, const std::vector<std::string>& overrides,
                        Registry& registry);
  /// The config with all defaults filled in. Parsing the result gives an equal config.
  Value resolved() const;
  /// Builds a task head whose texts end with the first of `generation`'s stop tokens.
  std::unique_ptr<TaskHead> build_task_head(const ComponentConfig& head, const Registry& registry,
                                            const Tokenizer& tokenizer) const;
  /// The dtype that `--dtype CHOSEN` stands for: `auto` is the config's. Error: there is no such dtype.
  at::ScalarType dtype_of(const std::string& chosen) const;
  /// What `--quantize CHOSEN` stands for: "" is the config's. Error: there is no such type.
  QuantizeConfig quantize_of(const std::string& chosen) const;
  /// Opens the tokenizer's file. Error: as in Tokenizer::load, with the location in the config.
  void load(Tokenizer& tokenizer) const;
};

/// Finds, reads and merges a config, or imports the Hugging Face folder of this name, then applies `--set`
/// assignments in order.
FLAM_API Value load_config_tree(const std::string& name_or_path, const std::vector<std::string>& overrides);

}  // namespace flam
