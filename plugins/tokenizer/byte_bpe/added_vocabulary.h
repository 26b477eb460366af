#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bpe_file.h"

namespace flam {

class MarkedText;

/// The added tokens of a tokenizer. They are found in text before it is cut into pieces: the leftmost first,
/// and the longest of several at one place, as in the package `tokenizers` 0.23 (added_vocabulary.rs). Only
/// template text has tokens. Threads may share it.
class AddedVocabulary {
 public:
  AddedVocabulary() = default;
  /// `nfc`: text is composed (Unicode's normal form C), and so are the tokens that are `normalized`.
  AddedVocabulary(std::vector<BpeFile::Added> tokens, bool nfc);

  /// Appends the ids of `text`. `encode` appends those of a text between tokens, which is normalised.
  using Encode = std::function<void(const MarkedText& text, std::vector<int64_t>& ids)>;
  void encode(const MarkedText& text, const Encode& encode, std::vector<int64_t>& ids) const;

 private:
  class Tokens {
   public:
    void add(const BpeFile::Added& token);
    void split(const MarkedText& text, const Encode& between, std::vector<int64_t>& ids) const;

   private:
    const BpeFile::Added* find(const MarkedText& text, size_t at) const;
    std::array<std::vector<BpeFile::Added>, 256> by_first_byte_;  // the longest first
  };

  Tokens first_, normalized_;  // looked for in the text as it is, and then in what is left of it, normalised
  bool nfc_ = false;
};

}  // namespace flam
