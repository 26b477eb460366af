// Writes declared parameters as values, as documentation and as JSON Schema.

#include <cmath>
#include <filesystem>

#include "framework/params/params.h"

namespace flam {

namespace {

/// Builds the documentation of every parameter; values and schema are made from it.
class ParamDocumenter final : public ParamVisitor {
 public:
  std::vector<ParamDoc> take() { return std::move(levels_.front()); }

 private:
  void parameter(const ParamInfo& info, bool& field) override { add(info, "bool", field); }
  void parameter(const ParamInfo& info, int64_t& field) override { add(info, "int", field); }
  void parameter(const ParamInfo& info, double& field) override { add(info, "float", field); }
  void parameter(const ParamInfo& info, std::string& field) override {
    add(info, text_type(info), text_value(info, field));
  }
  void parameter(const ParamInfo& info, std::optional<int64_t>& field) override {
    add(info, "int or null", field ? Value(*field) : Value());
  }
  void parameter(const ParamInfo& info, std::optional<double>& field) override {
    add(info, "float or null", field ? Value(*field) : Value());
  }
  void parameter(const ParamInfo& info, std::vector<int64_t>& field) override {
    add(info, "list of int", list_of(field));
  }
  void parameter(const ParamInfo& info, std::vector<double>& field) override {
    add(info, "list of float", list_of(field));
  }
  void parameter(const ParamInfo& info, std::vector<std::string>& field) override {
    Value::List items;
    for (const std::string& item : field) items.push_back(text_value(info, item));
    add(info, "list of " + text_type(info), std::move(items));
  }
  void parameter(const ParamInfo& info, Value& field) override {
    add(info, info.component_kind.empty() ? "any" : info.component_kind, field);
  }
  void enumeration(const ParamInfo& info, int64_t& index) override {
    add(info, "enum", info.choices.at(static_cast<size_t>(index)));
  }

  void begin_group(const ParamInfo& info) override {
    groups_.push_back(info);
    levels_.emplace_back();
  }
  void end_group() override {
    std::vector<ParamDoc> members = std::move(levels_.back());
    levels_.pop_back();
    levels_.back().push_back({std::move(groups_.back()), "group", Value(), std::move(members)});
    groups_.pop_back();
  }

  void add(const ParamInfo& info, std::string type, Value value) {
    levels_.back().push_back({info, std::move(type), std::move(value), {}});
  }

  static std::string text_type(const ParamInfo& info) {
    return info.is_path ? "path" : info.choices.empty() ? "string" : "enum";
  }

  static Value text_value(const ParamInfo& info, const std::string& text) {
    if (!info.is_path || text.empty()) return text;
    return std::filesystem::absolute(text).lexically_normal().native();
  }

  template <class Number>
  static Value list_of(const std::vector<Number>& numbers) {
    return Value::List(numbers.begin(), numbers.end());
  }

  std::vector<std::vector<ParamDoc>> levels_{1};
  std::vector<ParamInfo> groups_;
};

Value values_of(const std::vector<ParamDoc>& docs) {
  Value map = Value::map();
  for (const ParamDoc& doc : docs)
    map.set(doc.info.name, doc.type == "group" ? values_of(doc.members) : doc.default_value);
  return map;
}

/// Bounds and choices; those of a list apply to each element.
void add_rules(Value& schema, const ParamInfo& info) {
  if (info.minimum) schema.set(info.minimum_exclusive ? "exclusiveMinimum" : "minimum", *info.minimum);
  if (info.maximum) schema.set("maximum", *info.maximum);
  if (!info.choices.empty()) schema.set("enum", Value::List(info.choices.begin(), info.choices.end()));
}

/// {"type": …} for "int", "float", "bool", or any kind of text.
Value scalar_schema(const std::string& type) {
  Value schema = Value::map();
  schema.set("type", type == "int"     ? "integer"
                     : type == "float" ? "number"
                     : type == "bool"  ? "boolean"
                                       : "string");
  return schema;
}

Value object_schema(const std::vector<ParamDoc>& docs);

Value schema_of(const ParamDoc& doc) {
  constexpr std::string_view kList = "list of ", kOrNull = " or null";
  Value schema = Value::map();
  if (doc.type == "group") {
    schema = object_schema(doc.members);
  } else if (doc.type == "any") {
    // any tree
  } else if (!doc.info.component_kind.empty()) {
    schema.set("type", doc.info.required ? Value("object") : Value(Value::List{"object", "null"}));
    if (doc.info.required) schema.set("required", Value::List{"type"});
  } else if (doc.type.starts_with(kList)) {
    Value items = scalar_schema(doc.type.substr(kList.size()));
    add_rules(items, doc.info);
    schema.set("type", "array");
    schema.set("items", std::move(items));
  } else if (doc.type.ends_with(kOrNull)) {
    const Value number = scalar_schema(doc.type.substr(0, doc.type.size() - kOrNull.size()));
    schema.set("type",
               doc.info.required ? *number.find("type") : Value(Value::List{*number.find("type"), "null"}));
    add_rules(schema, doc.info);
  } else {
    schema = scalar_schema(doc.type);
    add_rules(schema, doc.info);
  }
  schema.set("description", doc.info.doc);
  const Value& value = doc.default_value;
  const bool sayable = !value.is_double() || std::isfinite(value.as_double());
  if (doc.type != "group" && !doc.info.required && sayable) schema.set("default", value);
  return schema;
}

Value object_schema(const std::vector<ParamDoc>& docs) {
  Value schema = Value::map(), properties = Value::map();
  Value::List required;
  for (const ParamDoc& doc : docs) {
    properties.set(doc.info.name, schema_of(doc));
    if (doc.info.required) required.push_back(doc.info.name);
  }
  schema.set("type", "object");
  schema.set("properties", std::move(properties));
  if (!required.empty()) schema.set("required", std::move(required));
  schema.set("additionalProperties", false);
  return schema;
}

}  // namespace

std::vector<ParamDoc> document_params(ParamsRef params) {
  ParamDocumenter documenter;
  params.visit(documenter);
  return documenter.take();
}

Value write_params(ParamsRef params) {
  return values_of(document_params(params));
}

Value schema_of_params(ParamsRef params) {
  return object_schema(document_params(params));
}

}  // namespace flam
