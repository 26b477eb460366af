#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "framework/recipe/run_config.h"
#include "framework/registry/registry.h"

namespace flam {

/// A kind of component: its contract and its components.
struct KindPage {
  std::string kind, contract, header;  // header: path in the SDK
  std::vector<Registry::Listed> components;
};
FLAM_API KindPage inspect_kind(const std::string& kind, const Registry& registry);
FLAM_API std::string kind_text(const KindPage& page);
FLAM_API nlohmann::ordered_json kind_json(const KindPage& page);

/// A config, component by component, with the place where each value is set.
struct ConfigPage {
  struct Setting {
    std::string name;
    Value value;
    std::string place;  // "file:line:column"; "" for a default
  };
  struct Section {
    std::string name;                     // "model.resampler", "transforms.0", "generation"
    std::string kind, type, doc, origin;  // of a component
    std::vector<Setting> settings;
  };
  std::string config, file;
  std::vector<Section> sections;
};
FLAM_API ConfigPage inspect_config(const RunConfig& config, const std::string& file);
FLAM_API std::string config_text(const ConfigPage& page);
FLAM_API nlohmann::ordered_json config_json(const ConfigPage& page);

}  // namespace flam
