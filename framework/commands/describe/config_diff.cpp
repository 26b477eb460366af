#include "framework/commands/describe/config_diff.h"

#include <algorithm>
#include <map>

#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/recipe/paths.h"

namespace flam {

namespace {

bool has_parts(const Value& value) {
  return (value.is_map() && !value.as_map().empty()) || (value.is_list() && !value.as_list().empty());
}

/// Lists the leaves of a tree in order, with their dotted names ("a.0.b").
void flatten(const Value& value, const std::string& prefix,
             std::vector<std::pair<std::string, Value>>& leaves) {
  const auto name = [&](const std::string& step) { return prefix.empty() ? step : prefix + "." + step; };
  const auto is_scalars = [](const Value::List& list) {
    return std::none_of(list.begin(), list.end(), has_parts);
  };
  if (!has_parts(value) ||
      (value.is_list() && is_scalars(value.as_list()))) {  // a list of scalars is one value
    leaves.emplace_back(prefix, value);
  } else if (value.is_map()) {
    for (const Value::Member& member : value.as_map()) flatten(member.value, name(member.key), leaves);
  } else {
    for (size_t i = 0; i < value.as_list().size(); ++i)
      flatten(value.as_list()[i], name(std::to_string(i)), leaves);
  }
}

std::string type_of(const Value* value) {
  const Value* type = value ? value->find("type") : nullptr;
  return type && type->is_string() ? type->as_string() : "";
}

void compare_section(const std::string& name, const Value* a, const Value* b,
                     std::vector<ConfigDiff::Section>& out) {
  if (a && b ? *a == *b : a == b) return;
  ConfigDiff::Section section{name, type_of(a), type_of(b), {}};
  std::vector<std::pair<std::string, Value>> leaves_a, leaves_b;
  if (a) flatten(*a, "", leaves_a);
  if (b) flatten(*b, "", leaves_b);
  const auto find = [](const auto& leaves, const std::string& key) {
    const auto found =
        std::find_if(leaves.begin(), leaves.end(), [&](const auto& l) { return l.first == key; });
    return found == leaves.end() ? std::optional<Value>() : found->second;
  };
  const bool typed = !section.type_a.empty() || !section.type_b.empty();
  const auto add = [&](const std::string& key, std::optional<Value> of_a, std::optional<Value> of_b) {
    if (typed && key == "type") return;
    if (of_a && of_b && *of_a == *of_b) return;
    section.changes.push_back({key, std::move(of_a), std::move(of_b)});
  };
  for (const auto& [key, value] : leaves_a) add(key, value, find(leaves_b, key));
  for (const auto& [key, value] : leaves_b) {
    if (!find(leaves_a, key)) add(key, {}, value);
  }
  out.push_back(std::move(section));
}

/// Compares maps and lists of components element by element, and everything else key by key.
std::vector<ConfigDiff::Section> compare_trees(const Value& a, const Value& b) {
  std::vector<ConfigDiff::Section> out;
  std::vector<std::string> keys = a.keys();
  for (const std::string& key : b.keys()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  }
  for (const std::string& key : keys) {
    const Value *of_a = a.find(key), *of_b = b.find(key);
    if (key == "model") {
      for (const std::string& part : of_a->keys())
        compare_section("model." + part, of_a->find(part), of_b->find(part), out);
    } else if (key == "transforms" || key == "metrics") {
      const Value::List none;
      const Value::List &list_a = of_a ? of_a->as_list() : none, &list_b = of_b ? of_b->as_list() : none;
      for (size_t i = 0; i < std::max(list_a.size(), list_b.size()); ++i) {
        compare_section(cat(key, ".", i), i < list_a.size() ? &list_a[i] : nullptr,
                        i < list_b.size() ? &list_b[i] : nullptr, out);
      }
    } else {
      compare_section(key, of_a, of_b, out);
    }
  }
  return out;
}

std::vector<ConfigDiff::TensorChange> compare_tensors(const Description& a, const Description& b) {
  std::map<std::string, std::vector<int64_t>> before, after;
  for (const auto& part : a.parts)
    for (const auto& tensor : part.tensors) before[tensor.name] = tensor.shape;
  for (const auto& part : b.parts)
    for (const auto& tensor : part.tensors) after[tensor.name] = tensor.shape;
  std::vector<ConfigDiff::TensorChange> out;
  for (const auto& part : a.parts) {
    for (const auto& [name, shape, scheme] : part.tensors) {
      const auto found = after.find(name);
      if (found == after.end()) {
        out.push_back({name, shape, {}});
      } else if (found->second != shape) {
        out.push_back({name, shape, found->second});
      }
    }
  }
  for (const auto& part : b.parts) {
    for (const auto& [name, shape, scheme] : part.tensors) {
      if (!before.contains(name)) out.push_back({name, {}, shape});
    }
  }
  return out;
}

}  // namespace

ConfigDiff diff_configs(const RunConfig& a, const RunConfig& b, const Registry& registry,
                        int64_t prompt_tokens) {
  ConfigDiff out;
  Value tree_a = a.resolved(), tree_b = b.resolved();
  for (Value* tree : {&tree_a, &tree_b}) shorten_configs_paths(*tree, configs_root());
  out.sections = compare_trees(tree_a, tree_b);
  out.a = describe(a, registry, prompt_tokens);
  out.b = describe(b, registry, prompt_tokens);
  out.tensors = compare_tensors(out.a, out.b);
  return out;
}

}  // namespace flam
