// Parses config nodes that name components, and builds the components.

#include <new>

#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/registry/reason.h"
#include "framework/registry/registry.h"

namespace flam {

std::string ComponentConfig::label() const {
  return type ? cat(type->kind, " ", quoted(type->name)) : "nothing";
}

Value ComponentConfig::resolved() const {
  Value out = Value::map(where);
  out.set("type", Value(type->name, where));
  Value values = write_params(ParamsRef(params.get(), type->visit));
  for (auto& member : values.as_map()) out.set(member.key, std::move(member.value), member.key_where);
  return out;
}

ComponentConfig Registry::parse(const std::string& kind, const Value& node, ErrorList& errors) {
  const size_t errors_before = errors.messages().size();
  if (!node.is_map()) {
    errors.add(node.where(), cat(kind, " is ", node.describe(), "; expected a map {type: NAME, …}"));
    return {};
  }
  const Value* type_name = node.find("type");
  if (!type_name || !type_name->is_string()) {
    errors.add((type_name ? *type_name : node).where(),
               cat(kind, type_name ? cat(" has the type ", type_name->describe()) : " has no `type`",
                   "; expected a name, for example {type: NAME}; `flam list ", kind, "` shows them"));
    return {};
  }
  ComponentConfig config;
  try {
    config.type = &find(kind, type_name->as_string(), type_name->where());
    config.params = config.type->make_params();
  } catch (const Error& e) {
    errors.add(e.what());
    return {};
  }
  config.where = node.where();
  const ParamsRef params(config.params.get(), config.type->visit);
  Value given = node;
  for (const ParamDoc& doc : document_params(params)) {  // nested components are checked in the same way
    Value* nested = doc.info.component_kind.empty() ? nullptr : given.find(doc.info.name);
    if (nested == nullptr || !nested->is_map()) continue;
    const ComponentConfig inner = parse(doc.info.component_kind, *nested, errors);
    if (!inner) continue;
    Value resolved = inner.resolved();
    adopt_places(resolved, *nested);
    *nested = std::move(resolved);
  }
  read_params(params, given, config.label(), {"type"}, errors);
  if (errors.messages().size() != errors_before) return {};
  return config;
}

std::unique_ptr<Component> Registry::construct(const std::string& kind, const ComponentConfig& config,
                                               const void* input, WeightScope* weights) const {
  if (!config) throw Error(config.where, cat("no ", kind, " is configured"));
  if (config.type->kind != kind)
    throw Error(config.where, cat(config.label(), " is not a component of the kind ", kind));
  const std::string label = config.label() + ": ";
  try {
    return config.type->construct(config.params.get(), input, weights);
  } catch (const RunError& e) {
    throw RunError(config.where, label + e.what());
  } catch (const std::bad_alloc&) {
    throw RunError(config.where, label + "out of memory");
  } catch (const std::exception& e) {
    throw Error(config.where, label + reason_of(e));
  } catch (...) {
    throw Error(config.where, label + "its constructor throws something that is not a std::exception");
  }
}

}  // namespace flam
