#pragma once
// Which matrices of a model are quantised, and how: `weights.quantize` of a config, and `--quantize`.

#include <optional>
#include <string>
#include <vector>

#include "framework/config/value.h"
#include "framework/weights/quant_scheme.h"

namespace flam {

struct QuantizeRule {
  std::optional<QuantScheme> scheme;  // not set: the matrices keep their numbers
  std::vector<std::string> tensors;   // patterns of names, `*` matches anything
  Location where;
};

struct FLAM_API QuantizeConfig {
  std::vector<QuantizeRule> rules;  // the first one that matches decides; none: the matrix is not quantised

  /// From `weights.quantize`: a type, a rule, or a list of rules.
  static QuantizeConfig parse(const Value& node, ErrorList& errors);
  /// From the value of `--quantize`: int8, int4, int4:GROUP_SIZE or none, for the default tensors.
  static QuantizeConfig of(const std::string& option);
  Value resolved() const;
  /// Whether a rule asks for quantised values.
  bool wanted() const;
};

/// "int8" or "int4:32".
FLAM_API std::string scheme_name(const QuantScheme& scheme);
/// The opposite; int4 alone has groups of 32. Error: there is no such scheme.
FLAM_API QuantScheme parse_scheme(const std::string& text);

/// Returns the JSON Schema of `weights.quantize`.
Value quantize_schema();

}  // namespace flam
