#include "framework/recipe/import/folder_files.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/config/config.h"

namespace flam {

namespace fs = std::filesystem;

namespace {
constexpr size_t kLargestJson = size_t{64} << 20;

/// The number that four hexadecimal digits behind `\u` at `at` say; 0 if there are none.
uint32_t escaped_at(const std::string& text, size_t at) {
  const auto is_hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  if (text.compare(at, 2, "\\u") != 0 || at + 6 > text.size() ||
      !std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at) + 2,
                   text.begin() + static_cast<std::ptrdiff_t>(at) + 6, is_hex))
    return 0;
  return static_cast<uint32_t>(std::stoul(text.substr(at + 2, 4), nullptr, 16));
}

/// JSON as YAML that has the same values: `\ud83d\ude00`, two halves of a character in UTF-16, becomes
/// `\U0001f600`, whole numbers beyond 64 bits become floats, and tabs between values become spaces.
std::string json_as_yaml(const std::string& json) {
  std::string out;
  bool in_text = false;
  for (size_t at = 0; at < json.size();) {
    size_t count = 1;
    if (in_text && json[at] == '\\') {
      const uint32_t high = escaped_at(json, at);
      const uint32_t low = high >= 0xd800 && high < 0xdc00 ? escaped_at(json, at + 6) : 0;
      if (low >= 0xdc00 && low < 0xe000) {
        std::array<char, 11> whole{};
        std::snprintf(whole.data(), whole.size(), "\\U%08x",
                      0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
        out += whole.data();
        at += 12;
        continue;
      }
      count = 2;
    } else if (json[at] == '"') {
      in_text = !in_text;
    } else if (!in_text && json[at] == '\t') {
      out += ' ';
      ++at;
      continue;
    } else if (!in_text && std::isalnum(static_cast<unsigned char>(json[at])) != 0) {
      const auto ends = [](char c) {
        return std::string_view(" \t\r\n,:]}\"").find(c) != std::string_view::npos;
      };
      count =
          static_cast<size_t>(std::find_if(json.begin() + static_cast<std::ptrdiff_t>(at), json.end(), ends) -
                              json.begin()) -
          at;
      const bool is_whole = std::all_of(json.begin() + static_cast<std::ptrdiff_t>(at),
                                        json.begin() + static_cast<std::ptrdiff_t>(at + count),
                                        [](unsigned char c) { return std::isdigit(c) != 0; });
      out.append(json, at, count);
      if (is_whole && count > 18) out += ".0";
      at += count;
      continue;
    }
    out.append(json, at, count);
    at += count;
  }
  return out;
}

}  // namespace

Value read_json_file(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return {};
  Value value = parse_yaml(json_as_yaml(read_file(file, kMaxYamlBytes)), file.string());
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
