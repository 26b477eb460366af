#pragma once
#include <string>

namespace flam {

/// The SentencePiece file that a tokenizer.json of LLaMA was made of: its pieces, with scores that give the
/// order of its merges. Added tokens behind the pieces are left out. `file` is named in errors. Error:
/// `bytes` is not such a tokenizer.json, or its merges would give other pieces than SentencePiece does.
std::string sentencepiece_of_json(const std::string& bytes, const std::string& file);

}  // namespace flam
