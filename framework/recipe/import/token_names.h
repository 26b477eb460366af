#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "framework/config/value.h"

namespace flam {

/// The names of all ids of a tokenizer, gathered from the files that give some: tokenizer.model,
/// tokenizer.json, added_tokens.json and tokenizer_config.json.
class TokenNames {
 public:
  /// `where` is the place in the file that names the token. Error there: another file gives this id another
  /// name, or this name another id.
  void add(int64_t id, const std::string& name, const Location& where);
  /// Error at the place of `id`: there is no such id; `what` says what it is for.
  const std::string& name(const Value& id, const std::string& what) const;
  std::optional<int64_t> id(const std::string& name) const;
  /// The largest id plus 1. Error at the place of a token: a smaller id has no name.
  int64_t size() const;

 private:
  struct Entry {
    std::string text;
    Location where;
  };
  std::map<int64_t, Entry> by_id_;
  std::map<std::string, int64_t> by_name_;
};

/// Adds the pieces of a SentencePiece file and returns their number. Error: the file is malformed.
int64_t add_sentencepiece_pieces(const std::filesystem::path& file, TokenNames& names);

}  // namespace flam
