#include "framework/recipe/config_schema.h"

#include <set>

#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/component/objective.h"
#include "framework/component/types.h"
#include "framework/model/model_config.h"
#include "framework/recipe/picture_config.h"
#include "framework/recipe/shots_config.h"
#include "framework/recipe/train_config.h"
#include "framework/weights/weights_schema.h"

namespace flam {

namespace {

constexpr const char* kDraft = "https://json-schema.org/draft/2020-12/schema";

Value object(std::initializer_list<std::pair<const char*, Value>> members) {
  Value out = Value::map();
  for (const auto& [key, value] : members) out.set(key, value);
  return out;
}

Value reference(const std::string& definition) {
  return object({{"$ref", "#/$defs/" + definition}});
}

Value list_of(Value items, const char* doc) {
  return object({{"description", doc}, {"type", "array"}, {"items", std::move(items)}});
}

/// Makes everything optional that `_base_` may provide, and allows `_delete_` in every map.
void make_partial(Value& schema) {
  const Value* type = schema.find("type");
  if (!schema.is_map() || !type || !type->is_string() || type->as_string() != "object") return;
  schema.erase("required");
  Value* properties = schema.find("properties");
  if (!properties) return;
  for (Value::Member& property : properties->as_map()) make_partial(property.value);
  properties->set("_delete_",
                  object({{"type", "boolean"}, {"description", "true: drop everything inherited here"}}));
}

class SchemaWriter {
 public:
  SchemaWriter(Registry& registry, SchemaFor target)
      : registry_(registry), partial_(target == SchemaFor::files) {}

  Value write() {
    Value definitions = Value::map();
    for (const std::string& kind : component_kinds()) add_kind(kind, definitions);
    Value model_parts = Value::map();
    Value::List part_names;
    for (const auto& part : ModelConfig::kParts) {
      model_parts.set(part.kind, in_map(part.kind));
      part_names.emplace_back(part.kind);
    }
    Value model = object({{"description", "the components of the model"},
                          {"type", "object"},
                          {"properties", std::move(model_parts)},
                          {"required", std::move(part_names)},
                          {"additionalProperties", false}});
    GenerationParams generation;
    Value generation_schema = schema_of_params(ParamsRef(generation));
    generation_schema.set("description", "how ids are chosen");
    Value weights = weights_schema(), train = train_schema(), pictures = pictures_schema();
    Value shots = shots_schema();
    weights.set("description", "files and what they hold");
    if (partial_)
      for (Value* part : {&model, &pictures, &generation_schema, &weights, &shots, &train})
        make_partial(*part);

    Value properties = Value::map();
    if (partial_) {
      properties.set("_base_",
                     object({{"description", "configs that this one is laid over, relative to the file"},
                             {"type", Value::List{"string", "array"}},
                             {"items", object({{"type", "string"}})}}));
    }
    properties.set("model", std::move(model));
    properties.set("pictures", std::move(pictures));
    properties.set("transforms", list_of(reference("transform"), "applied to each picture in this order"));
    properties.set("task_head", in_map("task_head"));
    properties.set("generation", std::move(generation_schema));
    properties.set("weights", std::move(weights));
    properties.set("dtype", object({{"description", "of the model's numbers, unless --dtype names one"},
                                    {"enum", Value::List{"float32", "bfloat16", "float16"}},
                                    {"default", "float32"}}));
    properties.set("dataset", in_map("dataset"));
    shots.find("properties")->set("dataset", in_map("dataset"));
    properties.set("shots", std::move(shots));
    properties.set("metrics", list_of(reference("metric"), "what `flam evaluate` scores with"));
    properties.set("train", std::move(train));
    properties.set("meta", object({{"description", "anything; not interpreted"}}));
    Value schema = object({{"$schema", kDraft},
                           {"title", partial_ ? "Flamboyance config" : "Flamboyance config, whole"},
                           {"type", "object"},
                           {"properties", std::move(properties)}});
    if (!partial_) schema.set("required", Value::List{"model"});
    schema.set("additionalProperties", false);
    schema.set("$defs", std::move(definitions));
    return schema;
  }

 private:
  /// A component in a map. In a config file, the map may hold only some of its parameters.
  Value in_map(const std::string& kind) const { return reference(partial_ ? kind + ".partial" : kind); }

  void add_kind(const std::string& kind, Value& definitions) {
    Value::List names, cases, partial_cases, any;
    std::set<std::string> seen;
    for (const auto& entry : registry_.list(kind)) {
      if (!seen.insert(entry.name).second) continue;
      const std::string name = kind + "." + entry.name;
      try {
        definitions.set(name, component(registry_.find(kind, entry.name)));
      } catch (const Error& error) {
        log_warn(cat("left out of the schema: ", error.what()));
        continue;
      }
      names.emplace_back(entry.name);
      const Value chosen = object({{"properties", object({{"type", object({{"const", entry.name}})}})},
                                   {"required", Value::List{"type"}}});
      cases.push_back(object({{"if", chosen}, {"then", reference(name)}}));
      if (!partial_) continue;
      Value partial = *definitions.find(name);
      make_partial(partial);
      definitions.set(name + ".partial", std::move(partial));
      partial_cases.push_back(object({{"if", chosen}, {"then", reference(name + ".partial")}}));
      any.push_back(reference(name + ".partial"));
    }
    const Value type = object({{"type", object({{"description", "name of the " + kind}, {"enum", names}})}});
    definitions.set(kind,
                    object({{"type", "object"}, {"properties", type}, {"required", Value::List{"type"}}}));
    if (!cases.empty()) definitions.find(kind)->set("allOf", std::move(cases));
    if (!partial_) return;
    Value partial = object({{"type", "object"}, {"properties", type}});
    if (!any.empty()) {
      partial.set("allOf", std::move(partial_cases));
      partial.set("if", object({{"not", object({{"required", Value::List{"type"}}})}}));
      partial.set("then", object({{"anyOf", std::move(any)}}));
    }
    definitions.set(kind + ".partial", std::move(partial));
  }

  Value component(const ComponentType& type) const {
    const auto made = type.make_params();
    const ParamsRef params(made.get(), type.visit);
    Value schema = schema_of_params(params);
    Value named = object({{"type", object({{"const", type.name}, {"description", type.doc}})}});
    for (Value::Member& property : schema.find("properties")->as_map())
      named.set(property.key, std::move(property.value));
    for (const ParamDoc& doc : document_params(params)) {
      if (doc.info.component_kind.empty()) continue;
      const Value nested = reference(doc.info.component_kind);
      named.set(doc.info.name, doc.info.required
                                   ? nested
                                   : object({{"anyOf", Value::List{nested, object({{"type", "null"}})}}}));
    }
    if (type.kind == Objective::kKind) {
      named.set("weight", object({{"description", "what the objective's losses are multiplied by"},
                                  {"type", "number"},
                                  {"minimum", 0},
                                  {"default", 1}}));
    }
    schema.set("properties", std::move(named));
    if (!type.doc.empty()) schema.set("description", type.doc);
    return schema;
  }

  static Value shots_schema() {
    ShotsConfig shots;
    Value schema = schema_of_params(ParamsRef(shots));
    schema.set("description", "the examples that `flam evaluate` puts before each query");
    return schema;
  }

  Value train_schema() const {
    TrainConfig train;
    Value schema = schema_of_params(ParamsRef(train));
    Value& properties = *schema.find("properties");
    Value& trained = *properties.find("trained");
    trained.set("type", "object");
    trained.set("additionalProperties", object({{"type", "number"}, {"exclusiveMinimum", 0}}));
    Value& heads = *properties.find("task_heads");
    heads.set("type", Value::List{"array", "null"});
    heads.set("items", reference("task_head"));
    Value& transforms = *properties.find("transforms");
    transforms.set("type", Value::List{"array", "null"});
    transforms.set("items", reference("transform"));
    Value& optimizer = *properties.find("optimizer");
    optimizer.set("anyOf", Value::List{reference("optimizer"), object({{"type", "string"}})});
    Value& objectives = *properties.find("objectives");
    objectives.set("type", "array");
    objectives.set("minItems", 1);
    Value::List names;
    for (const auto& entry : registry_.list(Objective::kKind)) names.emplace_back(entry.name);
    objectives.set("items",
                   object({{"anyOf", Value::List{reference("objective"), object({{"enum", names}})}}}));
    schema.set("description", "one stage of training");
    return schema;
  }

  Registry& registry_;
  bool partial_;
};

}  // namespace

Value config_schema(Registry& registry, SchemaFor target) {
  return SchemaWriter(registry, target).write();
}

}  // namespace flam
