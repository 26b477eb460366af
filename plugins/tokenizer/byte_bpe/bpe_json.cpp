#include "bpe_json.h"

namespace flam {

void refuse(const Value& part, const std::string& what) {
  throw Error(part.where(), what);
}

const Value& member(const Value& object, std::string_view key) {
  static const Value kNull;
  const Value* found = object.find(key);
  return found ? *found : kNull;
}

std::string type_of(const Value& part) {
  if (part.is_null()) return "null";
  const Value& type = member(part, "type");
  return type.is_string() ? type.as_string() : "?";
}

}  // namespace flam
