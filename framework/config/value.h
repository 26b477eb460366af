#pragma once
// A config file as a tree of scalars, lists and maps. Each value knows the place where it was written.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "framework/base/error.h"

namespace flam {

class FLAM_API Value {
 public:
  struct Member;
  using List = std::vector<Value>;
  using Map = std::vector<Member>;  // in the order written; keys are unique

  Value() = default;  // null
  Value(bool v, Location where = {});
  Value(int v, Location where = {});
  Value(int64_t v, Location where = {});
  Value(double v, Location where = {});
  Value(std::string v, Location where = {});
  Value(const char* v, Location where = {});
  Value(List v, Location where = {});
  Value(Map v, Location where = {});
  static Value map(Location where = {});
  static Value list(Location where = {});
  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();

  bool is_null() const { return data_.index() == 0; }
  bool is_bool() const { return data_.index() == 1; }
  bool is_int() const { return data_.index() == 2; }
  bool is_double() const { return data_.index() == 3; }
  bool is_number() const { return is_int() || is_double(); }
  bool is_string() const { return data_.index() == 4; }
  bool is_list() const { return data_.index() == 5; }
  bool is_map() const { return data_.index() == 6; }
  /// "a map", "the text 'x'", "the number 3" …, for messages.
  std::string describe() const;

  // Each of these throws an Error at where() if the value has another type.
  bool as_bool() const;
  int64_t as_int() const;
  double as_double() const;  // takes integers too
  const std::string& as_string() const;
  const List& as_list() const;
  List& as_list();
  const Map& as_map() const;
  Map& as_map();

  const Value* find(std::string_view key) const;  // nullptr when absent or when this is not a map
  Value* find(std::string_view key);
  Value& set(std::string_view key, Value value, Location key_where = {});  // replaces or appends
  bool erase(std::string_view key);
  std::vector<std::string> keys() const;

  const Location& where() const { return where_; }
  void set_where(Location where) { where_ = std::move(where); }

  bool operator==(const Value& other) const;  // places are not compared; .nan equals itself

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, List, Map> data_;
  Location where_;
};

struct FLAM_API Value::Member {
  std::string key;
  Location key_where;
  Value value;

  bool operator==(const Member& other) const;
};

}  // namespace flam
