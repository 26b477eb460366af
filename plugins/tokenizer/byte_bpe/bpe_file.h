#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pre_tokenizer.h"

namespace flam {

/// A byte-level BPE tokenizer as its files describe it.
struct BpeFile {
  struct Merge {
    int64_t left, right, merged;  // ids
  };
  struct Added {
    std::string text;
    int64_t id;
    bool special = true;       // left out of an answer
    bool normalized = false;   // looked for in the normalised text
    bool lstrip = false;       // takes the whitespace in front of it
    bool rstrip = false;       // takes the whitespace behind it
    bool single_word = false;  // is not a token beside a letter, digit or underscore
  };
  std::vector<std::pair<int64_t, std::string>> pieces;  // id and bytes, by id
  std::vector<Merge> merges;                            // by rank
  std::vector<Added> added;                             // including those inside the vocabulary
  int64_t size = 0;                                     // the largest id and 1
  PreTokenizerKind pre_tokenizer = PreTokenizerKind::gpt2;
  bool nfc = false;
  bool ignore_merges = false;      // a piece that is a token as a whole is not merged
  std::optional<std::string> bos;  // that the post-processor puts in front of a text
  std::string post_processor;      // why it can't be followed; empty if it can
};

/// Reads a Hugging Face tokenizer.json. Error: it is broken, or has a part that would change the ids and is
/// not known; the message names the file and the part.
BpeFile read_tokenizer_json(const std::filesystem::path& path);

/// Reads vocab.json and merges.txt. Error: as above.
BpeFile read_vocab_and_merges(const std::filesystem::path& vocab, const std::filesystem::path& merges,
                              PreTokenizerKind pre_tokenizer);

/// Reads the metadata of a GGUF file whose tokenizer.ggml.model is `gpt2`. `pre_tokenizer` is used instead of
/// what the file says. Error: as above.
BpeFile read_gguf_tokenizer(const std::filesystem::path& path, std::optional<PreTokenizerKind> pre_tokenizer);

}  // namespace flam
