// read_params: one visit fills the fields and collects every error.

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/params/params.h"

namespace flam {

namespace {

/// A bound in its usual form: "1", not "1.000000".
std::string bound(double number) {
  const bool whole = std::abs(number) < 1e15 && number == std::floor(number);
  return whole ? cat(static_cast<int64_t>(number)) : cat(number);
}

class ParamReader final : public ParamVisitor {
 public:
  ParamReader(const Value& node, const std::string& owner, const std::vector<std::string>& also_known,
              ErrorList& errors)
      : owner_(owner), errors_(errors) {
    levels_.push_back({as_level(node, ""), "", also_known, {}});
    levels_.back().where = node.where();
  }

  void finish() {
    const Level& level = levels_.back();
    if (level.node != nullptr) {
      for (const Value::Member& member : level.node->as_map()) {
        if (std::ranges::find(level.known, member.key) == level.known.end()) report_unknown(level, member);
      }
    }
    levels_.pop_back();
  }

 private:
  struct Level {
    const Value* node;   // the map; null if it is absent or not a map
    std::string prefix;  // "group." for the names inside a group
    std::vector<std::string> known;
    Location where;
  };

  // ---- kinds of parameters

  void parameter(const ParamInfo& info, bool& field) override {
    const Value* value = present(info);
    if (value == nullptr) return;
    if (!value->is_bool()) return wrong_type(info, *value, "true or false");
    field = value->as_bool();
  }

  void parameter(const ParamInfo& info, int64_t& field) override { number_or_default(info, field); }
  void parameter(const ParamInfo& info, double& field) override { number_or_default(info, field); }

  void parameter(const ParamInfo& info, std::string& field) override {
    text(info, present(info), info.name, field);
  }

  void parameter(const ParamInfo& info, std::optional<int64_t>& field) override { optional(info, field); }
  void parameter(const ParamInfo& info, std::optional<double>& field) override { optional(info, field); }

  void parameter(const ParamInfo& info, std::vector<int64_t>& field) override {
    list(info, field, [&](const Value& item, const std::string& name, int64_t& out) {
      return number(info, &item, name, out);
    });
  }
  void parameter(const ParamInfo& info, std::vector<double>& field) override {
    list(info, field, [&](const Value& item, const std::string& name, double& out) {
      return number(info, &item, name, out);
    });
  }
  void parameter(const ParamInfo& info, std::vector<std::string>& field) override {
    list(info, field, [&](const Value& item, const std::string& name, std::string& out) {
      return text(info, &item, name, out);
    });
  }

  void parameter(const ParamInfo& info, Value& field) override {
    const Value* value = present(info);
    if (value == nullptr) return;
    if (!info.component_kind.empty() && (info.required || !value->is_null())) {
      const Value* type = value->find("type");
      if (type == nullptr || !type->is_string()) {
        const bool vowel =
            std::string_view("aeiou").find(info.component_kind.front()) != std::string_view::npos;
        return wrong_type(info, *value,
                          cat(vowel ? "an " : "a ", info.component_kind, " as {type: NAME, …}"));
      }
    }
    field = *value;
  }

  void enumeration(const ParamInfo& info, int64_t& index) override {
    std::string name;
    if (!text(info, present(info), info.name, name)) return;
    index = std::ranges::find(info.choices, name) - info.choices.begin();
  }

  void begin_group(const ParamInfo& info) override {
    const Value* value = present(info);
    const std::string prefix = levels_.back().prefix + info.name + ".";
    const Location where = value != nullptr ? value->where() : levels_.back().where;
    levels_.push_back({value == nullptr ? nullptr : as_level(*value, info.name), prefix, {}, where});
  }

  void end_group() override { finish(); }

  // ---- values

  /// The value given for a parameter; null if it is absent, which is an error for a required one.
  const Value* present(const ParamInfo& info) {
    Level& level = levels_.back();
    level.known.push_back(info.name);
    const Value* value = level.node == nullptr ? nullptr : level.node->find(info.name);
    if (value == nullptr && info.required) {
      errors_.add(level.where,
                  cat(owner_, " needs the parameter ", full_name(info.name), " (", info.doc, ")"));
    }
    return value;
  }

  template <class Number>
  void number_or_default(const ParamInfo& info, Number& field) {
    const Value* value = present(info);
    if (value == nullptr && !info.required && !in_range(info, static_cast<double>(field))) {
      errors_.add(levels_.back().where,
                  cat(owner_, ": the default of ", full_name(info.name), " is ", field, ", but must be ",
                      range(info), "; this is a mistake in the component; set a value"));
    }
    number(info, value, info.name, field);
  }

  template <class Number>
  bool number(const ParamInfo& info, const Value* value, const std::string& name, Number& field) {
    if (value == nullptr) return false;
    constexpr bool kInteger = std::is_same_v<Number, int64_t>;
    if (kInteger ? !value->is_int() : !value->is_number()) {
      wrong_type(info, *value, kInteger ? "an integer" : "a number", name);
      return false;
    }
    const double as_double = value->as_double();
    if (!in_range(info, as_double)) {
      errors_.add(value->where(), cat(owner_, ": ", full_name(name), " is ", number_text(*value),
                                      ", but must be ", range(info)));
      return false;
    }
    if constexpr (kInteger) {
      field = value->as_int();
    } else {
      field = as_double;
    }
    return true;
  }

  bool text(const ParamInfo& info, const Value* value, const std::string& name, std::string& field) {
    if (value == nullptr) return false;
    if (!value->is_string()) {
      const bool scalar = value->is_bool() || value->is_number();
      wrong_type(info, *value, info.is_path ? "a path" : scalar ? "text (put it in quotes)" : "text", name);
      return false;
    }
    const std::string& given = value->as_string();
    if (!info.choices.empty() && std::ranges::find(info.choices, given) == info.choices.end()) {
      errors_.add(value->where(),
                  cat(owner_, ": ", full_name(name), " is ", quoted(given), ", but must be one of ",
                      join(info.choices, ", "), did_you_mean(given, info.choices)));
      return false;
    }
    field = info.is_path ? resolved_path(*value) : given;
    return true;
  }

  template <class Number>
  void optional(const ParamInfo& info, std::optional<Number>& field) {
    const Value* value = present(info);
    if (value == nullptr) return;
    if (value->is_null() && !info.required) {
      field.reset();
      return;
    }
    Number given{};
    if (number(info, value, info.name, given)) field = given;
  }

  template <class Element, class Read>
  void list(const ParamInfo& info, std::vector<Element>& field, const Read& read) {
    const Value* value = present(info);
    if (value == nullptr) return;
    if (!value->is_list()) return wrong_type(info, *value, "a list");
    std::vector<Element> given;
    for (const Value& item : value->as_list()) {
      Element element{};
      if (!read(item, cat(info.name, "[", given.size(), "]"), element)) return;
      given.push_back(std::move(element));
    }
    field = std::move(given);
  }

  /// Relative paths are relative to the folder of the file that names them; an empty path stays empty.
  static std::string resolved_path(const Value& value) {
    const std::filesystem::path given = value.as_string();
    if (given.empty()) return "";
    const auto& file = value.where().file;
    const bool in_file = file && !file->starts_with(kOverridePlace);
    const std::filesystem::path folder = in_file ? std::filesystem::path(*file).parent_path() : "";
    return std::filesystem::absolute(folder / given).lexically_normal().native();
  }

  // ---- messages

  const Value* as_level(const Value& value, const std::string& name) {
    if (value.is_map()) return &value;
    if (!value.is_null()) {
      const std::string subject = name.empty() ? std::string("the parameters") : full_name(name);
      errors_.add(value.where(), cat(owner_, ": ", subject, " must be a map, found ", value.describe()));
    }
    return nullptr;
  }

  std::string full_name(const std::string& name) const {
    return "'" + (levels_.empty() ? "" : levels_.back().prefix) + name + "'";
  }

  void wrong_type(const ParamInfo& info, const Value& value, const std::string& expected,
                  const std::string& name = "") {
    errors_.add(value.where(), cat(owner_, ": ", full_name(name.empty() ? info.name : name), " must be ",
                                   expected, ", found ", value.describe()));
  }

  static std::string number_text(const Value& value) {
    return value.describe().substr(std::string_view("the number ").size());
  }

  static bool in_range(const ParamInfo& info, double number) {
    const bool low =
        info.minimum && (info.minimum_exclusive ? number <= *info.minimum : number < *info.minimum);
    return !low && !(info.maximum && number > *info.maximum) && std::isfinite(number);
  }

  static std::string range(const ParamInfo& info) {
    if (info.minimum && info.maximum)
      return cat("between ", bound(*info.minimum), " and ", bound(*info.maximum));
    if (info.minimum) return cat(info.minimum_exclusive ? "more than " : "at least ", bound(*info.minimum));
    if (info.maximum) return cat("at most ", bound(*info.maximum));
    return "a finite number";
  }

  void report_unknown(const Level& level, const Value::Member& member) {
    errors_.add(member.key_where,
                cat(owner_, " has no parameter ", quoted(level.prefix + member.key),
                    did_you_mean(member.key, level.known), " (known: ", join(level.known, ", "), ")"));
  }

  const std::string& owner_;
  ErrorList& errors_;
  std::vector<Level> levels_;
};

}  // namespace

void read_params(ParamsRef params, const Value& node, const std::string& owner,
                 const std::vector<std::string>& also_known, ErrorList& errors) {
  ParamReader reader(node, owner, also_known, errors);
  params.visit(reader);
  reader.finish();
}

}  // namespace flam
