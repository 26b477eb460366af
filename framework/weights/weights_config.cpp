#include "framework/base/text.h"
#include "framework/weights/load.h"
#include "framework/weights/weights_schema.h"

namespace flam {

namespace {

struct RuleParams {
  LayoutRule rule;
  void visit(ParamVisitor& v) {
    v("prefix", rule.prefix,
      "beginning of the keys that this rule matches; it is removed. If a pickle has several dicts of "
      "tensors, it "
      "begins with the name of one");
    v("slot", rule.slot, "part of the model that gets the tensors", required());
    v("naming", rule.naming, "naming table of that part; empty: the component's own names");
  }
};

struct FileParams {
  WeightsFile file;
  Value layout = Value::list();
  void visit(ParamVisitor& v) {
    v("path", file.path, "file, index or folder, relative to weights.root", required());
    v("layout", layout, "rules that say which component gets which keys; empty: keys are SLOT.NAME");
    v("ignore", file.ignore, "patterns of keys that are not used (`{}` matches a number, `*` anything)");
    v("if_missing", file.if_missing, "what to do if the file is missing; the error says it");
  }
};

struct WeightsParams {
  std::string root;
  Value files = Value::list(), quantize;
  void visit(ParamVisitor& v) {
    v("root", root, "folder that the files' paths are relative to", path());
    v("files", files, "weights files; later files override earlier ones");
    v("quantize", quantize,
      "matrices that are stored in fewer bits: int8, int4, a rule or a list of rules (docs/quantization.md)");
  }
};

/// Returns the elements of a list parameter. Anything else adds an error and has no elements.
Value::List elements(const Value& list, const char* name, ErrorList& errors) {
  if (list.is_null()) return {};
  if (list.is_list()) return list.as_list();
  errors.add(list.where(), cat(name, " is ", list.describe(), ", expected a list"));
  return {};
}

}  // namespace

WeightsConfig WeightsConfig::parse(const Value& node, ErrorList& errors) {
  Value tree = node;
  if (tree.is_map() && !tree.find("root")) tree.set("root", Value(".", node.where()));  // beside the config
  WeightsParams params;
  read_params(ParamsRef(params), tree, "weights", {}, errors);
  WeightsConfig config{params.root, {}, QuantizeConfig::parse(params.quantize, errors)};
  for (const Value& item : elements(params.files, "weights.files", errors)) {
    FileParams parsed;
    read_params(ParamsRef(parsed), item, "a file of weights", {}, errors);
    parsed.file.where = item.where();
    for (const Value& rule : elements(parsed.layout, "layout", errors)) {
      RuleParams layout;
      read_params(ParamsRef(layout), rule, "a layout rule", {}, errors);
      parsed.file.layout.push_back(layout.rule);
    }
    config.files.push_back(std::move(parsed.file));
  }
  return config;
}

WeightsConfig WeightsConfig::parse_list(const Value& list, const char* name, ErrorList& errors) {
  Value files = Value::list();
  for (const Value& item : elements(list, name, errors)) {
    if (!item.is_string()) {
      files.as_list().push_back(item);
      continue;
    }
    Value file = Value::map(item.where());
    file.set("path", item);
    files.as_list().push_back(std::move(file));
  }
  Value node = Value::map(list.where());
  node.set("root", Value(".", list.where()));
  node.set("files", std::move(files));
  return parse(node, errors);
}

std::filesystem::path WeightsConfig::path_of(const WeightsFile& file) const {
  return (std::filesystem::path(root) / file.path).lexically_normal();
}

Value WeightsConfig::resolved_list() const {
  WeightsConfig absolute = *this;
  for (WeightsFile& file : absolute.files) file.path = path_of(file).string();
  return *absolute.resolved().find("files");
}

Value weights_schema() {
  const auto list_of = [](Value& schema, const char* key, Value items) {
    Value& list = *schema.find("properties")->find(key);
    list.set("type", Value::List{"array", "null"});
    list.set("items", std::move(items));
  };
  WeightsParams weights;
  FileParams file;
  RuleParams rule;
  Value files = schema_of_params(ParamsRef(file));
  list_of(files, "layout", schema_of_params(ParamsRef(rule)));
  Value schema = schema_of_params(ParamsRef(weights));
  schema.find("properties")->set("quantize", quantize_schema());
  list_of(schema, "files", std::move(files));
  return schema;
}

Value WeightsConfig::resolved() const {
  Value list = Value::list();
  for (const WeightsFile& file : files) {
    FileParams params{file};
    for (const LayoutRule& rule : file.layout) {
      RuleParams layout{rule};
      params.layout.as_list().push_back(write_params(ParamsRef(layout)));
    }
    list.as_list().push_back(write_params(ParamsRef(params)));
  }
  WeightsParams params{root, std::move(list), quantize.resolved()};
  Value out = write_params(ParamsRef(params));
  if (quantize.rules.empty()) out.erase("quantize");
  return out;
}

}  // namespace flam
