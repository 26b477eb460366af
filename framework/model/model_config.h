#pragma once
#include "framework/registry/registry.h"

namespace flam {

/// The config's `model:` map, parsed and checked, nothing built.
struct FLAM_API ModelConfig {
  ComponentConfig vision_backbone, resampler, adapter, language_decoder, tokenizer;

  static ModelConfig parse(const Value& node, Registry& registry, ErrorList& errors);
  Value resolved() const;
};

}  // namespace flam
