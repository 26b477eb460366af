#include "framework/recipe/import/folder_files.h"

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/config/json_reader.h"

namespace flam {

namespace fs = std::filesystem;

Value read_json_file(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return {};
  Value value = read_json(file);
  if (!value.is_map()) throw Error(value.where(), cat("expected a JSON object, found ", value.describe()));
  return value;
}

std::string read_chat_template(const fs::path& folder, Location& where) {
  const fs::path jinja = folder / "chat_template.jinja";
  std::error_code ignored;
  if (fs::exists(jinja, ignored)) {
    where = {std::make_shared<const std::string>(jinja.string()), 1, 1};
    std::string text = read_file(jinja, kMaxYamlBytes);
    if (text.find_first_not_of(" \t\r\n") == std::string::npos)
      throw Error(where, "the file is empty, expected a chat template");
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
