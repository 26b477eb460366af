#include "framework/recipe/import/rules.h"

#include <algorithm>

#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/config/merge.h"

namespace flam {

namespace {

/// Whether a rule is about one value, and not about the members of a map.
bool is_leaf(const Value& rule) {
  return !rule.is_map() || rule.find("to") || rule.find("only");
}

bool same(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return a.as_double() == b.as_double();
  return a == b;
}

std::string shown(const Value& value) {
  return value.is_string() ? quoted(value.as_string()) : printable(write_json(value));
}

/// The key of a value in a rule's `values`.
std::string key_of(const Value& value) {
  return value.is_string() ? value.as_string() : write_json(value);
}

Value times(const Value& value, double factor) {
  if (!value.is_list()) return {value.as_double() * factor, value.where()};
  Value out = Value::list(value.where());
  for (const Value& item : value.as_list()) out.as_list().push_back(times(item, factor));
  return out;
}

/// Merges each member of `values`, whose keys may be dotted names, into the config.
void merge_all(Value& config, Value values, const Location& where) {
  set_places(values, where);
  for (Value::Member& member : values.as_map()) merge_at(config, member.key, std::move(member.value), where);
}

}  // namespace

std::vector<std::pair<std::string, Value>> rules_in(const std::string& folder) {
  std::vector<std::pair<std::string, Value>> out;
  for (const RuleFile& file : rule_files()) {
    if (!file.name.starts_with(folder + "/")) continue;
    const size_t begin = folder.size() + 1, end = file.name.rfind('.');
    out.emplace_back(file.name.substr(begin, end - begin), parse_yaml(file.text, "rules/" + file.name));
  }
  for (auto& [name, rules] : out) {
    const Value* base = rules.find("_base_");
    if (!base) continue;
    const auto found = std::ranges::find(out, base->as_string(), [](const auto& file) { return file.first; });
    if (found == out.end()) throw Error(base->where(), cat("no rules ", quoted(base->as_string())));
    Value merged = found->second;
    rules.erase("_base_");
    for (const Value::Member& member : rules.as_map())
      merge_at(merged, member.key, member.value, member.key_where);
    rules = std::move(merged);
  }
  return out;
}

void set_places(Value& value, const Location& where) {
  value.set_where(where);
  if (value.is_list()) {
    for (Value& item : value.as_list()) set_places(item, where);
  } else if (value.is_map()) {
    for (Value::Member& member : value.as_map()) {
      member.key_where = where;
      set_places(member.value, where);
    }
  }
}

RuleReader::RuleReader(Value& config, ErrorList& errors) : config_(config), errors_(errors) {
  for (const RuleFile& file : rule_files()) {
    if (file.name == "ignored.yaml") ignored_ = parse_yaml(file.text, "rules/" + file.name);
    if (file.name == "advice.yaml") advice_ = parse_yaml(file.text, "rules/" + file.name);
  }
}

bool RuleReader::is_ignored(const std::string& key) const {
  if (key.starts_with("_")) return true;
  const auto& keys = ignored_.as_list();
  return std::any_of(keys.begin(), keys.end(), [&](const Value& name) { return name.as_string() == key; });
}

std::string RuleReader::refusal(const std::string& key) const {
  if (const Value* advice = advice_.find(key)) return "; " + advice->as_string();
  return ", and there is no rule for this key, so it might change what the model computes; if it does not, "
         "remove it from the file";
}

void RuleReader::apply(const Value& section, const Value& rules, const std::string& name) {
  apply_defaults(rules, section.where());
  if (const Value* adds = rules.find("adds")) merge_all(config_, *adds, section.where());
  for (const Value::Member& member : section.as_map()) {
    const std::string path = name.empty() ? member.key : name + "." + member.key;
    const Value* rule = rules.find(member.key);
    if (rule) {
      apply_present(member, *rule, path);
    } else if (!member.value.is_null() && !is_ignored(member.key)) {
      errors_.add(member.key_where, cat(quoted(path), " is ", shown(member.value), refusal(member.key)));
    }
  }
  for (const Value::Member& rule : rules.as_map()) {
    const Value* value = section.find(rule.key);
    if (value && !value->is_null()) continue;
    const std::string path = name.empty() ? rule.key : name + "." + rule.key;
    if (rule.value.find("part")) apply_part(Value::map(section.where()), rule.value, path);
    const Value* required = rule.value.find("required");
    if (required && required->as_bool())
      errors_.add(section.where(), cat("the key ", quoted(path), " is missing"));
  }
}

void RuleReader::apply_defaults(const Value& rules, const Location& where) {
  for (const Value::Member& rule : rules.as_map()) {
    if (!is_leaf(rule.value)) {
      if (!rule.value.find("part")) apply_defaults(rule.value, where);
    } else if (const Value* otherwise = rule.value.find("default")) {
      Value value = *otherwise;
      set_places(value, where);
      write(rule.value, value, rule.key);
    }
  }
}

void RuleReader::apply_present(const Value::Member& member, const Value& rule, const std::string& name) {
  const Value& value = member.value;
  if (value.is_null() || rule == Value("ignored") || rule == Value("read")) return;
  if (is_leaf(rule)) return write(rule, value, name);
  Value section = value;
  const Value* keys = rule.find("number_sets");  // {size: 224} for {size: {height: 224, width: 224}}
  if (keys && value.is_int()) {
    section = Value::map(value.where());
    for (const Value& key : keys->as_list()) section.set(key.as_string(), value, member.key_where);
  }
  if (!section.is_map()) {
    errors_.add(value.where(), cat(quoted(name), " is ", shown(value), "; expected a map"));
  } else if (rule.find("part")) {
    apply_part(section, rule, name);
  } else {
    apply(section, rule, name);
  }
}

void RuleReader::apply_part(const Value& section, const Value& rule, const std::string& name) {
  const Value& parts = *rule.find("part");  // model_type → name of the part's rules; the first is the default
  const Value* type = section.find("model_type");
  const Value* chosen = type && type->is_string() ? parts.find(type->as_string()) : nullptr;
  if (!type || type->is_null()) chosen = &parts.as_map().front().value;
  if (!chosen) {
    return errors_.add(type->where(), cat(quoted(name + ".model_type"), " is ", shown(*type),
                                          "; supported: ", join(parts.keys(), ", ")));
  }
  for (const auto& [part, rules] : rules_in("parts")) {
    if (part != chosen->as_string()) continue;
    merge_all(config_, *rules.find("config"), section.where());
    apply(section, *rules.find("keys"), name);
  }
}

void RuleReader::write(const Value& rule, const Value& value, const std::string& name) {
  try {
    if (const Value* only = rule.find("only")) {
      const Value::List allowed = only->is_list() ? only->as_list() : Value::List{*only};
      if (std::none_of(allowed.begin(), allowed.end(), [&](const Value& v) { return same(v, value); })) {
        std::vector<std::string> names;
        for (const Value& v : allowed) names.push_back(shown(v));
        errors_.add(value.where(), cat(quoted(name), " is ", shown(value),
                                       ", which is not supported; supported: ", join(names, ", ")));
        return;
      }
    }
    const Value* to = rule.find("to");
    if (!to) return;
    Value out = value;
    if (const Value* values = rule.find("values")) {
      const Value* found = values->find(key_of(value));
      if (!found) {
        errors_.add(value.where(), cat(quoted(name), " is ", shown(value),
                                       ", which is not supported; supported: ", join(values->keys(), ", ")));
        return;
      }
      if (found->is_null()) return;
      out = *found;
      out.set_where(value.where());
    }
    if (const Value* factor = rule.find("times")) out = times(out, factor->as_double());
    for (const Value& place : to->is_list() ? to->as_list() : Value::List{*to})
      merge_at(config_, place.as_string(), out, value.where());
  } catch (const Error& error) {
    errors_.add(error.what());
  }
}

}  // namespace flam
