#include "ngrams.h"

#include <algorithm>

namespace flam {

namespace {

constexpr uint64_t kNoPrefix = UINT32_MAX;

size_t slot_of(uint64_t key, int shift) {
  return static_cast<size_t>(((key ^ (key >> 32)) * 0x9e3779b97f4a7c15u) >> shift);
}

}  // namespace

uint32_t Numbering::of(uint64_t key) {
  size_t at = slot_of(key, shift_);
  while (slots_[at].number != kFree && slots_[at].key != key) at = (at + 1) & (slots_.size() - 1);
  if (slots_[at].number != kFree) return slots_[at].number;
  const auto number = static_cast<uint32_t>(used_++);
  slots_[at] = {key, number};
  if (2 * used_ > slots_.size()) grow();
  return number;
}

void Numbering::grow() {
  std::vector<Slot> old(2 * slots_.size());
  old.swap(slots_);
  --shift_;
  for (const Slot& slot : old) {
    if (slot.number == kFree) continue;
    size_t at = slot_of(slot.key, shift_);
    while (slots_[at].number != kFree) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = slot;
  }
}

uint32_t NgramTable::word(std::string_view word) {
  const auto found = words_.find(word);
  if (found != words_.end()) return found->second;
  return words_.emplace(word, static_cast<uint32_t>(words_.size())).first->second;
}

Ngrams NgramTable::ngrams(const uint32_t* words, size_t count) {
  Ngrams out;
  for (size_t n = 1; n <= std::min(kMaxOrder, count); ++n) {
    std::vector<uint32_t>& numbers = out[n - 1];
    numbers.resize(count - n + 1);
    for (size_t i = 0; i < numbers.size(); ++i) {
      const uint64_t prefix = n == 1 ? kNoPrefix : out[n - 2][i];
      numbers[i] = ngrams_.of(prefix << 32 | words[i + n - 1]);
    }
  }
  for (std::vector<uint32_t>& numbers : out) std::sort(numbers.begin(), numbers.end());
  return out;
}

}  // namespace flam
