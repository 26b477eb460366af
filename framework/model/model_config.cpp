#include "framework/model/model_config.h"

#include <algorithm>

#include "framework/base/text.h"

namespace flam {

const std::array<ModelConfig::Part, 6> ModelConfig::kParts = {{
    {"media_layout", &ModelConfig::media_layout},
    {"vision_backbone", &ModelConfig::vision_backbone},
    {"resampler", &ModelConfig::resampler},
    {"adapter", &ModelConfig::adapter},
    {"language_decoder", &ModelConfig::language_decoder},
    {"tokenizer", &ModelConfig::tokenizer},
}};

namespace {

/// A layout that names no type, for example since only a parameter of it was set, is `single`.
Value with_default_type(const Value* layout, const Location& where) {
  Value out = layout ? *layout : Value::map(where);
  if (out.is_map() && !out.find("type")) out.set("type", Value("single", out.where()));
  return out;
}

}  // namespace

ModelConfig ModelConfig::parse(const Value& node, Registry& registry, ErrorList& errors) {
  ModelConfig config;
  if (!node.is_map()) {
    errors.add(node.where(), cat("`model` must be a map of components, found ", node.describe()));
    return config;
  }
  std::vector<std::string> known;
  known.reserve(std::size(kParts));
  for (const Part& part : kParts) known.emplace_back(part.kind);
  for (const auto& member : node.as_map()) {
    if (std::find(known.begin(), known.end(), member.key) == known.end()) {
      errors.add(member.key_where, cat("`model` has no component ", quoted(member.key),
                                       did_you_mean(member.key, known), " (known: ", join(known, ", "), ")"));
    }
  }
  for (const Part& part : kParts) {
    if (part.config == &ModelConfig::media_layout) {
      const Value* layout = node.find(part.kind);
      config.media_layout = registry.parse(part.kind, with_default_type(layout, node.where()), errors);
    } else if (const Value* of_part = node.find(part.kind)) {
      config.*part.config = registry.parse(part.kind, *of_part, errors);
    } else {
      errors.add(node.where(), cat("`model` lacks `", part.kind, "`; name one with {type: …}"));
    }
  }
  return config;
}

Value ModelConfig::resolved() const {
  Value out = Value::map();
  for (const Part& part : kParts) {
    if (const ComponentConfig& config = this->*part.config) out.set(part.kind, config.resolved());
  }
  return out;
}

}  // namespace flam
