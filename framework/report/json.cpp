#include "framework/report/json.h"

#include <nlohmann/json.hpp>

#include "framework/config/escape.h"

namespace flam {

using Json = nlohmann::ordered_json;

Json to_json(const Value& value) {
  if (value.is_bool()) return value.as_bool();
  if (value.is_int()) return value.as_int();
  if (value.is_double()) return value.as_double();
  if (value.is_string()) return value.as_string();
  if (value.is_list()) {
    Json out = Json::array();
    for (const Value& element : value.as_list()) out.push_back(to_json(element));
    return out;
  }
  if (value.is_map()) {
    Json out = Json::object();
    for (const auto& member : value.as_map()) out[member.key] = to_json(member.value);
    return out;
  }
  return nullptr;
}

std::string json_line(const Json& json) {
  return escape_controls(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string json_lines(const Json& json, int indent) {
  return escape_controls(json.dump(indent, ' ', false, Json::error_handler_t::replace)) + "\n";
}

}  // namespace flam
