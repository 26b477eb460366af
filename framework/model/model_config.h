#pragma once
#include <array>

#include "framework/registry/registry.h"

namespace flam {

/// The config's `model:` map, parsed and checked, nothing built.
struct FLAM_API ModelConfig {
  ComponentConfig vision_backbone, resampler, adapter, language_decoder, tokenizer;

  /// The keys of `model:`, each of them a kind, and where they are kept.
  struct Part {
    const char* kind;
    ComponentConfig ModelConfig::*config;
  };
  static const std::array<Part, 5> kParts;

  static ModelConfig parse(const Value& node, Registry& registry, ErrorList& errors);
  Value resolved() const;
};

}  // namespace flam
