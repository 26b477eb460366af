#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "framework/registry/registry.h"

namespace flam {

/// The description of one component, from which text, JSON and docs pages are written.
struct ComponentPage {
  std::string kind, name, doc;
  std::string contract;  // of the kind: shapes in and out
  std::filesystem::path origin;
  FlamPluginStamp stamp{};
  std::vector<ParamDoc> params;
};

/// Returns the inputs and outputs of components of that kind.
FLAM_API const std::string& kind_contract(const std::string& kind);

/// Describes the components that `what` names: NAME, KIND/NAME, or the path of a plugin library. Error: there
/// is nothing with that name.
FLAM_API std::vector<ComponentPage> inspect(const std::string& what, Registry& registry);
FLAM_API std::string page_text(const ComponentPage& page);
FLAM_API std::string page_markdown(const ComponentPage& page);  // without machine-dependent parts
FLAM_API nlohmann::ordered_json page_json(const ComponentPage& page);

}  // namespace flam
