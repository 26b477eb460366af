#pragma once
#include "framework/registry/registry.h"

namespace flam {

/// Which configs a schema is for.
enum class SchemaFor {
  files,  // as people write them: what `_base_` may bring need not be there, `type` and `_delete_` may stand
          // anywhere
  whole   // as `flam config` prints them: every required part and parameter is there
};

/// JSON Schema (draft 2020-12) of configs with every component of the registry. Libraries are loaded; those
/// that can't be are left out, with a warning.
FLAM_API Value config_schema(Registry& registry, SchemaFor target);

}  // namespace flam
