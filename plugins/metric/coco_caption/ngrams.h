#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace flam {

constexpr size_t kMaxOrder = 4;

/// Gives each key a number: 0, 1, 2 … in the order of their first use.
class Numbering {
 public:
  uint32_t of(uint64_t key);
  size_t size() const { return used_; }

 private:
  struct Slot {
    uint64_t key = 0;
    uint32_t number = kFree;
  };
  static constexpr uint32_t kFree = UINT32_MAX;
  void grow();

  std::vector<Slot> slots_ = std::vector<Slot>(1024);
  int shift_ = 54;  // 64 − log2 of the number of slots
  size_t used_ = 0;
};

/// The n-grams of one caption: element n − 1 has those of n words as numbers, sorted, each as often as it
/// occurs.
using Ngrams = std::array<std::vector<uint32_t>, kMaxOrder>;

/// Numbers words and n-grams. Equal ones have the same number.
class NgramTable {
 public:
  uint32_t word(std::string_view word);
  Ngrams ngrams(const uint32_t* words, size_t count);
  /// All numbers of n-grams are below this one.
  size_t size() const { return ngrams_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, uint32_t, Hash, std::equal_to<>> words_;
  Numbering ngrams_;  // of an n-gram without its last word, and that word
};

}  // namespace flam
