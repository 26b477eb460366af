#pragma once
#include "framework/registry/registry.h"

namespace flam {

/// The config's `shots:` map: the examples that `flam evaluate` puts before each query.
struct FLAM_API ShotsConfig {
  enum class Selection { random, similar, fixed };
  enum class Overlap { error, exclude, allow };

  Value dataset;
  int64_t num_shots = 0;
  Selection selection = Selection::random;
  int64_t seed = 0;
  std::string index;
  Overlap overlap = Overlap::error;

  ComponentConfig source;  // parsed `dataset`

  void visit(ParamVisitor& v);
  static ShotsConfig parse(const Value& node, Registry& registry, ErrorList& errors);
  Value resolved() const;
};

}  // namespace flam
