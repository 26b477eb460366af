#pragma once
// Hugging Face model folders as configs.

#include <string>

#include "framework/config/value.h"

namespace flam {

/// Whether the name that a command got for a config stands for a folder: one that exists, unless a shipped
/// config has this name.
FLAM_API bool is_model_folder(const std::string& name);

/// The name of the folder itself, "model" of "a/model/".
FLAM_API std::string model_folder_name(const std::string& folder);

/// The config of a Hugging Face model folder, made of its config.json, generation_config.json,
/// preprocessor_config.json, processor_config.json, tokenizer files and chat template. Values know the places
/// in these files that they come from. Error: a file is missing or malformed, there are no rules for the
/// architecture, the tokenizer's files disagree, or something is not supported; all errors of a file are
/// reported at once. `chat_template` names the known template to use instead of the folder's; empty: the
/// folder's.
FLAM_API Value import_model(const std::string& folder, const std::string& chat_template = "");

}  // namespace flam
