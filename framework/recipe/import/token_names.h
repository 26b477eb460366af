#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "framework/base/export.h"

namespace flam {

/// The names of all ids of a tokenizer, gathered from the files that give some: tokenizer.model,
/// tokenizer.json, added_tokens.json and tokenizer_config.json.
class TokenNames {
 public:
  /// Error: another file gives this id another name, or this name another id.
  void add(int64_t id, const std::string& name, const std::string& file);
  /// Error: there is no such id; `what` says what it is for.
  const std::string& name(int64_t id, const std::string& what) const;
  std::optional<int64_t> id(const std::string& name) const;
  /// The largest id plus 1. Error: an id below it has no name.
  int64_t size() const;

 private:
  struct Entry {
    std::string text, file;
  };
  std::map<int64_t, Entry> by_id_;
  std::map<std::string, int64_t> by_name_;
};

/// Adds the pieces of a SentencePiece file and returns their number. Error: the file is malformed.
int64_t add_sentencepiece_pieces(const std::filesystem::path& file, TokenNames& names);

}  // namespace flam
