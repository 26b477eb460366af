#include "framework/model/model_config.h"

#include <algorithm>

#include "framework/base/text.h"

namespace flam {

namespace {
struct Field {
  const char* kind;
  ComponentConfig ModelConfig::*member;
};
constexpr Field kFields[] = {
    {"vision_backbone", &ModelConfig::vision_backbone},
    {"resampler", &ModelConfig::resampler},
    {"adapter", &ModelConfig::adapter},
    {"language_decoder", &ModelConfig::language_decoder},
    {"tokenizer", &ModelConfig::tokenizer},
};
}  // namespace

ModelConfig ModelConfig::parse(const Value& node, Registry& registry, ErrorList& errors) {
  ModelConfig config;
  if (!node.is_map()) {
    errors.add(node.where(), cat("`model` must be a map of components, found ", node.describe()));
    return config;
  }
  std::vector<std::string> known;
  for (const Field& field : kFields) known.emplace_back(field.kind);
  for (const auto& member : node.as_map()) {
    if (std::find(known.begin(), known.end(), member.key) == known.end()) {
      errors.add(member.key_where, cat("`model` has no component ", quoted(member.key),
                                       did_you_mean(member.key, known), " (known: ", join(known, ", "), ")"));
    }
  }
  for (const Field& field : kFields) {
    if (const Value* part = node.find(field.kind)) {
      config.*field.member = registry.parse(field.kind, *part, errors);
    } else {
      errors.add(node.where(), cat("`model` lacks `", field.kind, "`; name one with {type: …}"));
    }
  }
  return config;
}

Value ModelConfig::resolved() const {
  Value out = Value::map();
  for (const Field& field : kFields) {
    if (const ComponentConfig& part = this->*field.member) out.set(field.kind, part.resolved());
  }
  return out;
}

}  // namespace flam
