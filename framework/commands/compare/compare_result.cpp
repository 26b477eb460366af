// Reads and writes what a unit of an experiment stores in the output folder: its result, or why it failed.

#include <algorithm>

#include "framework/base/file.h"
#include "framework/commands/compare/compare_plan.h"
#include "framework/commands/compare/compare_stored.h"
#include "framework/report/json.h"

namespace flam {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostOfAResult = size_t{256} << 20;
constexpr size_t kMostOfAFailure = size_t{16} << 20;
constexpr size_t kMostOfACurve = size_t{64} << 20;
constexpr size_t kLongestPoint = size_t{1} << 20;

bool has(const Json& node, const char* key, bool (Json::*is)() const noexcept) {
  const auto found = node.find(key);
  return found != node.end() && ((*found).*is)();
}

/// Numbers that are not finite are stored as null.
bool is_value(const Json& node) {
  return node.is_number() || node.is_null();
}

bool has_value(const Json& node, const char* key) {
  const auto found = node.find(key);
  return found != node.end() && is_value(*found);
}

bool are_values(const Json& node) {
  return node.is_object() && std::all_of(node.begin(), node.end(), is_value);
}

bool has_values(const Json& node, const char* key) {
  const auto found = node.find(key);
  return found != node.end() && are_values(*found);
}

/// A point of a learning curve: {"step", "losses", …}, as a result and a .curve hold it.
bool is_point(const Json& node) {
  return node.is_object() && has(node, "step", &Json::is_number_integer) && has_values(node, "losses");
}

bool is_shown(const Json& node) {
  if (!node.is_object() || !has(node, "references", &Json::is_array)) return false;
  for (const char* key : {"id", "question", "answer", "picture"})
    if (!has(node, key, &Json::is_string)) return false;
  const Json& references = node.at("references");
  return std::all_of(references.begin(), references.end(),
                     [](const Json& reference) { return reference.is_string(); });
}

bool fits(const Json& result, CompareUnit::Kind kind) {
  const auto each = [&](const char* key, bool (*is)(const Json&)) {
    const auto found = result.find(key);
    return found == result.end() || std::all_of(found->begin(), found->end(), is);
  };
  if (!has_value(result, "seconds")) return false;
  switch (kind) {
    case CompareUnit::Kind::train:
      return has(result, "steps", &Json::is_number_integer) && has_value(result, "training_seconds") &&
             has_values(result, "losses") && has(result, "left_out", &Json::is_number_integer) &&
             has(result, "curve", &Json::is_array) && each("curve", is_point);
    case CompareUnit::Kind::evaluate:
      return has(result, "records", &Json::is_number_integer) && has_values(result, "scores") &&
             has(result, "shown", &Json::is_array) && each("shown", is_shown) &&
             (!result.contains("controls") || has(result, "controls", &Json::is_object)) &&
             each("controls", are_values);
    case CompareUnit::Kind::bench:
      return has(result, "latency_ms", &Json::is_number);
  }
  return false;
}

/// Parses a line of a curve. Returns null if it is not a valid point, because the file may come from anybody.
Json point_of(std::string_view line) {
  if (line.size() > kLongestPoint) return nullptr;
  try {
    Json point = parse_stored<Json>(line);
    return is_point(point) && has(point, "seconds", &Json::is_number) ? point : Json();
  } catch (const std::exception&) {
    return nullptr;
  }
}

}  // namespace

const nlohmann::ordered_json* CompareUnit::result() const {
  if (result_) return &*result_;
  std::error_code ignored;
  if (!std::filesystem::exists(file(".json"), ignored)) return nullptr;
  if (kind == Kind::train && !std::filesystem::exists(file(".safetensors"), ignored)) return nullptr;
  try {
    auto stored = parse_stored<Json>(read_file(file(".json"), kMostOfAResult));
    if (stored.at("key") == key && fits(stored, kind)) result_ = std::move(stored);
  } catch (const std::exception&) {
    // an unrelated or broken file: the unit is done again
  }
  return result_ ? &*result_ : nullptr;
}

std::vector<Json> CompareUnit::curve() const {
  std::vector<Json> points;
  std::error_code ignored;
  if (!std::filesystem::exists(file(".curve"), ignored)) return points;
  std::string text;
  try {
    text = read_file(file(".curve"), kMostOfACurve);
  } catch (const Error&) {
    return points;  // an unrelated file
  }
  for (std::string_view rest = text; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    if (Json point = point_of(rest.substr(0, end)); !point.is_null()) points.push_back(std::move(point));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return points;
}

void CompareUnit::forget_abandoned_curve() const {
  std::error_code ignored;
  if (!result() && !std::filesystem::exists(file(".safetensors.checkpoint"), ignored))
    std::filesystem::remove(file(".curve"), ignored);
}

bool CompareUnit::begun() const {
  std::error_code ignored;
  return std::filesystem::exists(file(".yaml"), ignored);
}

std::optional<std::string> CompareUnit::failure() const {
  std::error_code ignored;
  if (!std::filesystem::exists(file(".failed.json"), ignored)) return {};
  try {
    const auto stored = parse_stored<nlohmann::json>(read_file(file(".failed.json"), kMostOfAFailure));
    if (stored.at("key") == key) return stored.at("reason").get<std::string>();
  } catch (const std::exception&) {
    // an unrelated or broken file: no failure is known
  }
  return {};
}

void CompareUnit::keep_failure(const std::string& reason) const {
  const nlohmann::ordered_json stored = {{"unit", name}, {"key", key}, {"reason", reason}};
  write_file(file(".failed.json"), json_lines(stored, 1));
}

void CompareUnit::forget_failure() const {
  std::error_code ignored;  // the result takes precedence even if removing fails
  std::filesystem::remove(file(".failed.json"), ignored);
}

}  // namespace flam
