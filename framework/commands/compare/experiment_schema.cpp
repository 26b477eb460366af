#include "framework/commands/compare/experiment.h"

namespace flam {

Value experiment_schema() {
  Experiment experiment;
  ExperimentVariant variant;
  ExperimentStage stage;
  ExperimentTask task;
  Value schema = schema_of_params(ParamsRef(experiment));
  Value& properties = *schema.find("properties");
  const auto list_of = [&](const char* key, ParamsRef item) {
    Value& property = *properties.find(key);
    Value items = schema_of_params(item);
    items.find("properties")->find("set")->set("type", "object");
    property.set("type", "array");
    property.set("items", std::move(items));
    property.erase("default");
  };
  list_of("variants", ParamsRef(variant));
  list_of("stages", ParamsRef(stage));
  list_of("evaluate", ParamsRef(task));
  properties.find("seeds")->set("minItems", 1);
  for (const char* key : {"set", "grid"}) {
    properties.find(key)->set("type", "object");
    properties.find(key)->erase("default");
  }
  Value values = Value::map();
  values.set("type", "array");
  values.set("minItems", 1);
  properties.find("grid")->set("additionalProperties", std::move(values));
  Value base = Value::map();
  base.set("description", "other experiments that this one is laid over, relative to the file");
  properties.set("_base_", std::move(base));
  schema.set("$schema", "https://json-schema.org/draft/2020-12/schema");
  schema.set("title", "Flamboyance experiment");
  return schema;
}

}  // namespace flam
