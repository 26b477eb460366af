#pragma once
#include <array>

#include "framework/registry/registry.h"

namespace flam {

/// The `model:` map of a config, parsed and checked; no component is built. Without a `media_layout`, it is
/// `single`.
struct FLAM_API ModelConfig {
  ComponentConfig media_layout, vision_backbone, resampler, adapter, language_decoder, tokenizer;

  /// A key of `model:`, which is a kind of component, and the member that holds its config.
  struct Part {
    const char* kind;
    ComponentConfig ModelConfig::*config;
  };
  static const std::array<Part, 6> kParts;

  static ModelConfig parse(const Value& node, Registry& registry, ErrorList& errors);
  Value resolved() const;
};

}  // namespace flam
