#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "bpe_file.h"

namespace flam {

/// Fills a BpeFile with the tokens of both parts of a vocabulary, by their names in GPT-2's byte alphabet.
/// Every method throws an Error for what no byte-level vocabulary has; it does not name the file.
class Vocabulary {
 public:
  static constexpr int64_t kMostIds = 4 << 20;

  explicit Vocabulary(BpeFile& file) : file_(file) {}

  void add_piece(const std::string& name, int64_t id);
  /// Two pieces, with a space between them.
  void add_merge(const std::string& line);
  void add_merge(const std::string& left, const std::string& right);
  /// May be a piece of the vocabulary, too, with the same id.
  void add_token(const BpeFile::Added& token);
  /// After all of the above. Fills the pieces.
  void finish();

 private:
  void put(const std::string& name, int64_t id);

  BpeFile& file_;
  std::unordered_map<std::string, int64_t> ids_;
  std::unordered_map<std::string, int64_t> added_;
  std::vector<std::string> names_;  // by id
};

}  // namespace flam
