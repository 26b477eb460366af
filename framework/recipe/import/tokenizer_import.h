#pragma once
#include <filesystem>

#include "framework/config/value.h"
#include "framework/recipe/import/token_names.h"

namespace flam {

/// A folder's tokenizer.
struct ImportedTokenizer {
  Value component = Value::map();  // `type`, and parameters that the tokenizer's files decide
  int64_t base_size = 0;           // model.language_decoder.vocab_size
  TokenNames names;
  Value config;  // tokenizer_config.json; null if there is none
};

/// Reads tokenizer.model, tokenizer.json, added_tokens.json and tokenizer_config.json. Error: there is no
/// tokenizer, its files disagree, or it is of a kind that no component implements.
ImportedTokenizer import_tokenizer(const std::filesystem::path& folder);

/// The text of `bos_token`, `eos_token`, … in a tokenizer_config.json; "" if there is none.
std::string named_token(const Value& tokenizer_config, const char* key);

}  // namespace flam
