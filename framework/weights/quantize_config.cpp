#include "framework/weights/quantize_config.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "framework/base/text.h"
#include "framework/params/params.h"

namespace flam {

namespace {

constexpr int64_t kDefaultGroupSize = 32;
constexpr std::array<int64_t, 4> kGroupSizes{32, 64, 128, 256};
const std::vector<std::string> kDefaultTensors{"language_decoder.*", "adapter.*"};

struct RuleParams {
  enum class Type { int8, int4, none };
  Type type = Type::int8;
  std::optional<int64_t> group_size;
  std::vector<std::string> tensors = kDefaultTensors;
  void visit(ParamVisitor& v) {
    v("type", type, "how the numbers are stored; none: as in a run without quantisation", required(),
      choices("int8", "int4", "none"));
    v("group_size", group_size, "of int4: the numbers of a row that share a scale: 32, 64, 128 or 256");
    v("tensors", tensors, "patterns of the matrices' names (`*` matches anything)");
  }
};

bool is_group_size(int64_t size) {
  return std::ranges::find(kGroupSizes, size) != kGroupSizes.end();
}

QuantizeRule rule_of(const RuleParams& params, const Location& where, ErrorList& errors) {
  QuantizeRule rule{std::nullopt, params.tensors, where};
  if (params.tensors.empty())
    errors.add(where,
               "weights.quantize: `tensors` is empty; leave it out for the decoder's and the adapter's "
               "matrices, or give patterns");
  if (params.group_size && params.type != RuleParams::Type::int4)
    errors.add(where, "weights.quantize: group_size is for the type int4; leave it out");
  const int64_t group_size = params.group_size.value_or(kDefaultGroupSize);
  if (!is_group_size(group_size))
    errors.add(where, cat("weights.quantize: group_size is ", group_size, ", expected 32, 64, 128 or 256"));
  if (params.type == RuleParams::Type::int8) rule.scheme = QuantScheme{QuantScheme::Type::int8, 0};
  if (params.type == RuleParams::Type::int4) rule.scheme = QuantScheme{QuantScheme::Type::int4, group_size};
  return rule;
}

}  // namespace

std::string scheme_name(const QuantScheme& scheme) {
  return scheme.type == QuantScheme::Type::int8 ? "int8" : cat("int4:", scheme.group_size);
}

QuantScheme parse_scheme(const std::string& text) {
  if (text == "int8") return {QuantScheme::Type::int8, 0};
  if (text == "int4") return {QuantScheme::Type::int4, kDefaultGroupSize};
  int64_t size = 0;
  if (text.starts_with("int4:")) {
    const char* const end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data() + 5, end, size);
    if (problem == std::errc() && stop == end && is_group_size(size)) return {QuantScheme::Type::int4, size};
  }
  throw Error(cat("there is no quantisation ", quoted(text),
                  "; expected int8, int4 (groups of 32), int4:64, int4:128 or int4:256"));
}

QuantizeConfig QuantizeConfig::of(const std::string& option) {
  QuantizeConfig config;
  if (option != "none") config.rules.push_back({parse_scheme(option), kDefaultTensors, {}});
  return config;
}

QuantizeConfig QuantizeConfig::parse(const Value& node, ErrorList& errors) {
  QuantizeConfig config;
  if (node.is_null()) return config;
  if (node.is_string()) {
    try {
      config = of(node.as_string());
    } catch (const Error& error) {
      errors.add(node.where(), cat("weights.quantize: ", error.what()));
    }
    return config;
  }
  if (!node.is_list() && !node.is_map()) {
    errors.add(node.where(), cat("weights.quantize is ", node.describe(),
                                 ", expected int8, int4, a rule {type: int4, group_size: 32, tensors: "
                                 "[language_decoder.*]}, or a list of rules"));
    return config;
  }
  for (const Value& rule : node.is_map() ? Value::List{node} : node.as_list()) {
    RuleParams params;
    read_params(ParamsRef(params), rule, "a rule of weights.quantize", {}, errors);
    config.rules.push_back(rule_of(params, rule.where(), errors));
  }
  return config;
}

Value QuantizeConfig::resolved() const {
  Value list = Value::list();
  for (const QuantizeRule& rule : rules) {
    RuleParams params;
    params.tensors = rule.tensors;
    params.type = RuleParams::Type::none;
    if (rule.scheme && rule.scheme->type == QuantScheme::Type::int8) params.type = RuleParams::Type::int8;
    if (rule.scheme && rule.scheme->type == QuantScheme::Type::int4) {
      params.type = RuleParams::Type::int4;
      params.group_size = rule.scheme->group_size;
    }
    list.as_list().push_back(write_params(ParamsRef(params)));
  }
  return list;
}

bool QuantizeConfig::wanted() const {
  return std::ranges::any_of(rules, [](const QuantizeRule& rule) { return rule.scheme.has_value(); });
}

Value quantize_schema() {
  RuleParams rule;
  Value list = Value::map();
  list.set("type", "array");
  list.set("items", schema_of_params(ParamsRef(rule)));
  Value text = Value::map();
  text.set("type", Value::List{"string", "null"});
  Value out = Value::map();
  out.set("description", "which matrices are stored in fewer bits: int8, int4, a rule, or a list of rules");
  out.set("anyOf", Value::List{std::move(text), schema_of_params(ParamsRef(rule)), std::move(list)});
  return out;
}

}  // namespace flam
