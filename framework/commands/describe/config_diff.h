#pragma once
// Compares two resolved configs: the parameters of each component, and the tensors of the models.

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "framework/commands/describe/describe.h"

namespace flam {

struct ConfigDiff {
  struct Change {
    std::string parameter;      // within the section: "num_latents", "files.0.path"
    std::optional<Value> a, b;  // absent on one side: null
  };
  /// One component ("model.resampler", "transforms.1") or one other key ("generation") that differs.
  struct Section {
    std::string name;
    std::string type_a, type_b;  // of a component; "" where there is none
    std::vector<Change> changes;
  };
  struct TensorChange {
    std::string name;
    std::optional<std::vector<int64_t>> a, b;  // shapes; absent where the tensor does not exist
  };
  Description a, b;
  std::vector<Section> sections;
  std::vector<TensorChange> tensors;

  bool equal() const { return sections.empty(); }
};

/// Compares both configs with their default values. Neither needs weights or a tokenizer file. Error: one of
/// them can't be assembled.
FLAM_API ConfigDiff diff_configs(const RunConfig& a, const RunConfig& b, const Registry& registry,
                                 int64_t prompt_tokens);
FLAM_API std::string diff_text(const ConfigDiff& diff);
/// Returns one line for the section and one for each change.
FLAM_API std::string section_text(const ConfigDiff::Section& section);
FLAM_API nlohmann::ordered_json diff_json(const ConfigDiff& diff);

}  // namespace flam
