#pragma once
#include <string>

#include "framework/sdk.h"

namespace flam {

/// The SentencePiece file that the tokenizer of a GGUF file was made of: its pieces, scores and types, and
/// how text is normalised. Error: tokenizer.ggml.model is not `llama`, or a list that belongs to it is
/// missing or of another length.
std::string sentencepiece_of_gguf(const GgufMetadata& metadata);

}  // namespace flam
