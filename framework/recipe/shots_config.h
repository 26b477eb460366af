#pragma once
#include <string>
#include <vector>

#include "framework/registry/registry.h"

namespace flam {

/// The config's `shots:` map: the examples that `flam evaluate` puts before each query, and `flam train`
/// before each record.
struct FLAM_API ShotsConfig {
  enum class Selection { random, same_kind, similar, fixed };
  enum class Overlap { error, exclude, allow };

  Value dataset;
  int64_t num_shots = 0;
  Selection selection = Selection::random;
  int64_t seed = 0;
  std::string index;
  Overlap overlap = Overlap::error;
  std::vector<std::string> answer_forms = {"{answer}"};

  ComponentConfig source;  // parsed `dataset`

  /// Whether answers may be written otherwise than the datasets write them.
  bool rewrites_answers() const { return answer_forms != std::vector<std::string>{"{answer}"}; }

  void visit(ParamVisitor& v);
  static ShotsConfig parse(const Value& node, Registry& registry, ErrorList& errors);
  Value resolved() const;
};

}  // namespace flam
