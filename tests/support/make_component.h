#pragma once
#include <memory>
#include <string>

#include "framework/registry/registry.h"

namespace flam {

/// A component and the registry whose library it lives in.
template <class Slot>
struct Made {
  std::shared_ptr<Registry> registry;
  std::unique_ptr<Slot> component;
  Slot* operator->() const { return component.get(); }
};

/// A component built from its in-tree plugin with these parameters.
template <class Slot>
Made<Slot> make_component(const std::string& name, Value params, const typename Slot::Input& input) {
  Made<Slot> made;
  made.registry = std::make_shared<Registry>();
  made.registry->load(std::string(FLAM_BUILD_DIR "/lib/flamboyance/plugins/libflam_") + Slot::kKind + "_" +
                      name + ".so");
  params.set("type", name);
  ErrorList errors;
  const ComponentConfig config = made.registry->parse(Slot::kKind, params, errors);
  errors.throw_if_any();
  made.component = made.registry->template build<Slot>(config, input);
  return made;
}

}  // namespace flam
