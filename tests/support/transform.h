#pragma once
#include "framework/component/transform.h"
#include "framework/config/config.h"
#include "framework/registry/registry.h"

namespace flam {

/// The transform that a line of a config names: "{type: resize_edge, edge: 56}".
inline std::unique_ptr<Transform> make_transform(const std::string& yaml) {
  static Registry registry;
  [[maybe_unused]] static const bool scanned = [] {
    registry.scan({FLAM_BUILD_DIR "/lib/flamboyance/plugins"});
    return true;
  }();
  ErrorList errors;
  const ComponentConfig config = registry.parse("transform", parse_yaml(yaml, "test"), errors);
  errors.throw_if_any();
  return registry.build<Transform>(config, {});
}

}  // namespace flam
