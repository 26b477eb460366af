#pragma once
#include "framework/registry/registry.h"

namespace flam {

/// The kind of configs that a schema is for.
enum class SchemaFor {
  files,  // as people write them: what `_base_` may provide is optional, and `type` and `_delete_` are
          // allowed in every map
  whole   // as `flam config` prints them: every required part and parameter is present
};

/// JSON Schema (draft 2020-12) of configs with every component of the registry. The plugin libraries are
/// loaded; a component whose library can't be loaded is left out with a warning.
FLAM_API Value config_schema(Registry& registry, SchemaFor target);

}  // namespace flam
