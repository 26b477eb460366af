#include "framework/recipe/import/folder_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/config/config.h"

namespace flam {

namespace fs = std::filesystem;

namespace {
constexpr size_t kLargestJson = size_t{64} << 20;
}  // namespace

Value read_json_file(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return {};
  // JSON is YAML. Line ends within texts are escaped, so tabs in front of a line are never part of a text.
  std::string text = read_file(file, kMaxYamlBytes);
  std::replace(text.begin(), text.end(), '\t', ' ');
  Value value = parse_yaml(text, file.string());
  if (!value.is_map()) throw Error(value.where(), cat("expected a JSON object, found ", value.describe()));
  return value;
}

nlohmann::json read_large_json_file(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return nullptr;
  const auto shallow = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > 32) throw Error(cat(quoted(file.string()), ": nested too deeply"));
    return true;
  };
  try {
    nlohmann::json json = nlohmann::json::parse(read_file(file, kLargestJson), shallow);
    if (!json.is_object()) throw Error(cat(quoted(file.string()), ": expected a JSON object"));
    return json;
  } catch (const nlohmann::json::exception& error) {
    throw Error(cat(quoted(file.string()), ": not JSON: ", printable(error.what())));
  }
}

std::string read_chat_template(const fs::path& folder, Location& where) {
  const fs::path jinja = folder / "chat_template.jinja";
  std::error_code ignored;
  if (fs::exists(jinja, ignored)) {
    where = {std::make_shared<const std::string>(jinja.string()), 1, 1};
    std::string text = read_file(jinja, kMaxYamlBytes);
    if (text.ends_with('\n')) text.pop_back();  // Jinja drops it
    return text;
  }
  for (const char* name : {"chat_template.json", "processor_config.json", "tokenizer_config.json"}) {
    const Value file = read_json_file(folder / name);
    const Value* found = file.find("chat_template");
    if (!found || found->is_null()) continue;
    where = found->where();
    if (found->is_string()) return found->as_string();
    // [{"name": "default", "template": …}, …]
    if (found->is_list()) {
      for (const Value& named : found->as_list()) {
        const Value* label = named.find("name");
        const Value* text = named.find("template");
        if (label && text && *label == Value("default")) return text->as_string();
      }
    }
    throw Error(where, "chat_template: expected a text, or a list of which one is named 'default'");
  }
  return "";
}

}  // namespace flam
