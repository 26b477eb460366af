#include "framework/config/merge.h"

#include "framework/base/text.h"

namespace flam {

namespace {
constexpr const char* kDelete = "_delete_";

void refuse_base(const Value::Member& member) {
  if (member.key != "_base_") return;
  throw Error(member.key_where, "'_base_' is allowed only at the top level of a config file");
}

/// Removes `_delete_` from a map and returns its value.
bool take_delete_mark(Value& map) {
  const Value* mark = map.find(kDelete);
  if (mark == nullptr) return false;
  if (!mark->is_bool())
    throw Error(mark->where(), cat("'_delete_' must be true or false, found ", mark->describe()));
  const bool set = mark->as_bool();
  map.erase(kDelete);
  return set;
}
}  // namespace

void drop_marks(Value& tree) {
  if (tree.is_list()) {
    for (Value& item : tree.as_list()) drop_marks(item);
  } else if (tree.is_map()) {
    take_delete_mark(tree);
    for (Value::Member& member : tree.as_map()) {
      refuse_base(member);
      drop_marks(member.value);
    }
  }
}

void merge_value(Value& base, Value over) {
  if (!base.is_map() || !over.is_map()) {
    drop_marks(over);
    base = std::move(over);
    return;
  }
  const Value* type = over.find("type");
  const Value* inherited = base.find("type");
  const bool other_type = type != nullptr && inherited != nullptr && !(*type == *inherited);
  if (take_delete_mark(over) || other_type) {
    drop_marks(over);
    base = std::move(over);
    return;
  }
  for (Value::Member& member : over.as_map()) {
    refuse_base(member);
    if (Value* present = base.find(member.key)) {
      merge_value(*present, std::move(member.value));
    } else {
      drop_marks(member.value);
      base.set(member.key, std::move(member.value), member.key_where);
    }
  }
  base.set_where(over.where());
}

}  // namespace flam
