#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bpe_file.h"

namespace flam {

/// Byte pair encoding: the bytes of a piece are merged in pairs, the pair of the lowest rank first, and the
/// leftmost of several. Threads may share it.
class Merges {
 public:
  Merges() = default;
  /// `reserved[id]`: the token is never made from text. Error: none; `file` was checked when it was read.
  Merges(const BpeFile& file, const std::vector<bool>& reserved);

  /// Appends the ids of a piece. A byte without an id is left out, as in the package `tokenizers`.
  void encode(std::string_view piece, std::vector<int64_t>& ids) const;

 private:
  using Id = uint32_t;
  static constexpr Id kNone = UINT32_MAX;
  struct Rule {
    uint64_t pair = UINT64_MAX;
    uint32_t rank = kNone;
    Id merged = kNone;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  const Rule* find(Id left, Id right) const;
  void put(Id left, Id right, uint32_t rank, Id merged);
  std::vector<Id> merge(std::string_view piece) const;
  void merge_long(std::vector<Id>& ids) const;

  std::array<Id, 256> byte_ids_{};
  std::vector<Rule> rules_;  // open addressing; a power of two
  /// Pieces that become one token as a whole, which most words of a text do.
  std::unordered_map<std::string, Id, Hash, std::equal_to<>> whole_;
  size_t longest_ = 0;
};

}  // namespace flam
