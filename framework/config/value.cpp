#include "framework/config/value.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "framework/base/text.h"
#include "framework/config/scalar.h"

namespace flam {

Value::Value(bool v, Location where) : data_(v), where_(std::move(where)) {}
Value::Value(int v, Location where) : data_(int64_t{v}), where_(std::move(where)) {}
Value::Value(int64_t v, Location where) : data_(v), where_(std::move(where)) {}
Value::Value(double v, Location where) : data_(v), where_(std::move(where)) {}
Value::Value(std::string v, Location where) : data_(std::move(v)), where_(std::move(where)) {}
Value::Value(const char* v, Location where) : data_(std::string(v)), where_(std::move(where)) {}
Value::Value(List v, Location where) : data_(std::move(v)), where_(std::move(where)) {}
Value::Value(Map v, Location where) : data_(std::move(v)), where_(std::move(where)) {}
Value Value::map(Location where) {
  return Value(Map{}, std::move(where));
}
Value Value::list(Location where) {
  return Value(List{}, std::move(where));
}
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;

std::string Value::describe() const {
  switch (data_.index()) {
    case 0:
      return "nothing";
    case 1:
      return as_bool() ? "true" : "false";
    case 2:
      return cat("the number ", as_int());
    case 3:
      return cat("the number ", double_text(as_double()));
    case 4:
      return cat("the text ", quoted(as_string()));
    case 5:
      return "a list";
    default:
      return "a map";
  }
}

namespace {
[[noreturn]] void wrong_type(const Value& value, const char* expected) {
  throw Error(value.where(), cat("expected ", expected, ", found ", value.describe()));
}
}  // namespace

bool Value::as_bool() const {
  if (!is_bool()) wrong_type(*this, "true or false");
  return std::get<bool>(data_);
}

int64_t Value::as_int() const {
  if (!is_int()) wrong_type(*this, "an integer");
  return std::get<int64_t>(data_);
}

double Value::as_double() const {
  if (is_int()) return static_cast<double>(std::get<int64_t>(data_));
  if (!is_double()) wrong_type(*this, "a number");
  return std::get<double>(data_);
}

const std::string& Value::as_string() const {
  if (!is_string()) wrong_type(*this, "text");
  return std::get<std::string>(data_);
}

const Value::List& Value::as_list() const {
  if (!is_list()) wrong_type(*this, "a list");
  return std::get<List>(data_);
}

Value::List& Value::as_list() {
  if (!is_list()) wrong_type(*this, "a list");
  return std::get<List>(data_);
}

const Value::Map& Value::as_map() const {
  if (!is_map()) wrong_type(*this, "a map");
  return std::get<Map>(data_);
}

Value::Map& Value::as_map() {
  if (!is_map()) wrong_type(*this, "a map");
  return std::get<Map>(data_);
}

const Value* Value::find(std::string_view key) const {
  if (!is_map()) return nullptr;
  for (const Member& member : std::get<Map>(data_)) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

Value* Value::find(std::string_view key) {
  return const_cast<Value*>(std::as_const(*this).find(key));
}

Value& Value::set(std::string_view key, Value value, Location key_where) {
  Map& map = as_map();
  const auto found = std::ranges::find(map, key, &Member::key);
  if (found == map.end()) {
    map.push_back({std::string(key), std::move(key_where), std::move(value)});
    return map.back().value;
  }
  found->value = std::move(value);
  found->key_where = std::move(key_where);
  return found->value;
}

bool Value::erase(std::string_view key) {
  return std::erase_if(as_map(), [&](const Member& member) { return member.key == key; }) > 0;
}

std::vector<std::string> Value::keys() const {
  std::vector<std::string> names;
  for (const Member& member : as_map()) names.push_back(member.key);
  return names;
}

bool Value::operator==(const Value& other) const {
  if (is_double() && other.is_double() && std::isnan(as_double())) return std::isnan(other.as_double());
  return data_ == other.data_;
}

bool Value::Member::operator==(const Member& other) const {
  return key == other.key && value == other.value;
}

}  // namespace flam
