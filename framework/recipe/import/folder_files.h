#pragma once
#include <filesystem>
#include <string>

#include "framework/config/value.h"

namespace flam {

/// A JSON file of a model folder, whose values know their places; null if there is no such file. Error: it is
/// not a JSON object.
Value read_json_file(const std::filesystem::path& file);

/// The text of the first of the chat templates that Hugging Face would use: chat_template.jinja,
/// chat_template.json, or `chat_template` of processor_config.json or tokenizer_config.json. `where` is set
/// to its place. Empty if there is none. Error: there are several, and none is the default.
std::string read_chat_template(const std::filesystem::path& folder, Location& where);

}  // namespace flam
