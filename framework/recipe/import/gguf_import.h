#pragma once
// GGUF files as parts of configs.

#include <string>

#include "framework/config/value.h"

namespace flam {

class Registry;

/// Whether the file begins as a GGUF file does.
FLAM_API bool is_gguf_file(const std::string& path);

/// What a GGUF file holds of a config: model.language_decoder, model.tokenizer, generation and weights. It is
/// a base for configs, because the file has no picture part. Error: the file is malformed, there are no rules
/// for its architecture, or something in it is not supported by the rules, or by the components in
/// `registry`.
FLAM_API Value import_gguf(const std::string& path, Registry& registry);

}  // namespace flam
