#include <algorithm>

#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/registry/check.h"
#include "framework/registry/registry.h"

namespace flam {

namespace {
/// A kind that the program looks up itself and that no config names (component/step_graph.h).
constexpr const char* kStepGraphKind = "step_graph";
}  // namespace

Component::~Component() = default;

const std::vector<std::string>& component_kinds() {
  static const std::vector<std::string> kinds = {
      "transform", "media_layout", "vision_backbone", "resampler", "adapter",   "language_decoder",
      "tokenizer", "task_head",    "dataset",         "metric",    "objective", "optimizer"};
  return kinds;
}

void check_kind_and_name(const std::string& kind, const std::string& name) {
  const auto& kinds = component_kinds();
  const bool known = kind == kStepGraphKind || std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
  if (!known) {
    throw Error(cat("there is no kind of component ", quoted(kind), did_you_mean(kind, kinds),
                    " (known: ", join(kinds, ", "), ")"));
  }
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), fits)) {
    throw Error(cat(kind, " name ", quoted(name), " must have 1 to 64 characters of a-z, 0-9 and _"));
  }
}

void Registrar::add_type(ComponentType type) {
  check_kind_and_name(type.kind, type.name);
  for (const auto& other : types_) {
    if (other.kind == type.kind && other.name == type.name) {
      throw Error(cat("registers ", type.kind, " ", quoted(type.name), " twice"));
    }
  }
  type.doc = printable(type.doc);
  type.origin = origin_;
  types_.push_back(std::move(type));
}

}  // namespace flam
