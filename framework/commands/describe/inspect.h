#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "framework/registry/registry.h"

namespace flam {

/// All that is known of one component, for people, JSON and the docs.
struct ComponentPage {
  std::string kind, name, doc;
  std::string contract;  // of the kind: shapes in and out
  std::filesystem::path origin;
  FlamPluginStamp stamp{};
  std::vector<ParamDoc> params;
};

/// What goes in and out of a component of that kind.
FLAM_API const std::string& kind_contract(const std::string& kind);

/// The components of `what`: NAME, KIND/NAME, or a plugin library (by path). Error: nothing of that name.
FLAM_API std::vector<ComponentPage> inspect(const std::string& what, Registry& registry);
FLAM_API std::string page_text(const ComponentPage& page);
FLAM_API std::string page_markdown(const ComponentPage& page);  // without machine-dependent parts
FLAM_API nlohmann::ordered_json page_json(const ComponentPage& page);

}  // namespace flam
