#include "merges.h"

#include <algorithm>
#include <bit>
#include <queue>
#include <tuple>

#include "framework/sdk.h"

namespace flam {
namespace {

constexpr size_t kShort = 48;  // bytes of a piece whose pairs are simply searched through

uint64_t key(uint32_t left, uint32_t right) {
  return static_cast<uint64_t>(left) << 32 | right;
}

size_t spread(uint64_t pair) {
  pair *= 0x9e3779b97f4a7c15u;
  return static_cast<size_t>(pair ^ (pair >> 32));
}

}  // namespace

Merges::Merges(const BpeFile& file, const std::vector<bool>& reserved) {
  byte_ids_.fill(kNone);
  for (const auto& [id, bytes] : file.pieces) {
    if (bytes.size() == 1) byte_ids_[static_cast<unsigned char>(bytes[0])] = static_cast<Id>(id);
  }
  rules_.resize(std::bit_ceil(2 * file.merges.size() + 2));
  uint32_t rank = 0;
  for (const auto& rule : file.merges) {
    if (!reserved[rule.merged])
      put(static_cast<Id>(rule.left), static_cast<Id>(rule.right), rank, static_cast<Id>(rule.merged));
    ++rank;
  }
  whole_.reserve(file.pieces.size());
  for (const auto& [id, bytes] : file.pieces) {
    if (bytes.size() < 2 || reserved[id]) continue;
    if (!file.ignore_merges) {
      const auto ids = merge(bytes);
      if (ids.size() != 1 || ids[0] != static_cast<Id>(id)) continue;
    }
    whole_.emplace(bytes, static_cast<Id>(id));
    longest_ = std::max(longest_, bytes.size());
  }
}

const Merges::Rule* Merges::find(Id left, Id right) const {
  const uint64_t pair = key(left, right);
  for (size_t at = spread(pair);; ++at) {
    const Rule& rule = rules_[at & (rules_.size() - 1)];
    if (rule.pair == pair) return &rule;
    if (rule.pair == UINT64_MAX) return nullptr;
  }
}

void Merges::put(Id left, Id right, uint32_t rank, Id merged) {
  const uint64_t pair = key(left, right);
  for (size_t at = spread(pair);; ++at) {
    Rule& rule = rules_[at & (rules_.size() - 1)];
    if (rule.pair != pair && rule.pair != UINT64_MAX) continue;
    rule = {pair, rank, merged};
    return;
  }
}

void Merges::encode(std::string_view piece, std::vector<int64_t>& out) const {
  if (piece.size() <= longest_ && piece.size() > 1) {
    if (const auto found = whole_.find(piece); found != whole_.end()) {
      out.push_back(found->second);
      return;
    }
  }
  const auto ids = merge(piece);
  out.insert(out.end(), ids.begin(), ids.end());
}

std::vector<Merges::Id> Merges::merge(std::string_view piece) const {
  std::vector<Id> ids;
  ids.reserve(piece.size());
  for (const unsigned char byte : piece) {
    if (byte_ids_[byte] != kNone) ids.push_back(byte_ids_[byte]);
  }
  if (ids.size() > kShort) {
    merge_long(ids);
    return ids;
  }
  std::array<const Rule*, kShort> pairs;
  for (size_t i = 0; i + 1 < ids.size(); ++i) pairs[i] = find(ids[i], ids[i + 1]);
  while (true) {
    size_t best = ids.size();
    uint32_t rank = kNone;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      if (pairs[i] && pairs[i]->rank < rank) rank = pairs[best = i]->rank;
    }
    if (best == ids.size()) return ids;
    ids[best] = pairs[best]->merged;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    std::copy(pairs.begin() + best + 1, pairs.begin() + ids.size(), pairs.begin() + best);
    if (best > 0) pairs[best - 1] = find(ids[best - 1], ids[best]);
    if (best + 1 < ids.size()) pairs[best] = find(ids[best], ids[best + 1]);
  }
}

/// The same with a queue of pairs and a linked list of symbols, for time n log n.
void Merges::merge_long(std::vector<Id>& ids) const {
  struct Symbol {
    Id id;
    size_t before, behind;
  };
  const size_t count = ids.size();
  std::vector<Symbol> symbols(count);
  for (size_t i = 0; i < count; ++i) symbols[i] = {ids[i], i - 1, i + 1};
  using Pair = std::tuple<uint32_t, size_t, uint64_t>;  // rank, place of the left symbol, both ids
  std::priority_queue<Pair, std::vector<Pair>, std::greater<>> queue;
  const auto push = [&](size_t left) {
    const size_t right = symbols[left].behind;
    if (right >= count) return;
    if (const Rule* rule = find(symbols[left].id, symbols[right].id))
      queue.emplace(rule->rank, left, rule->pair);
  };
  for (size_t i = 0; i < count; ++i) push(i);
  while (!queue.empty()) {
    const auto [rank, left, pair] = queue.top();
    queue.pop();
    const size_t right = symbols[left].behind;
    // A symbol that was merged into its left neighbour has the id kNone.
    if (right >= count || key(symbols[left].id, symbols[right].id) != pair) continue;
    symbols[left].id = find(symbols[left].id, symbols[right].id)->merged;
    symbols[left].behind = symbols[right].behind;
    symbols[right].id = kNone;
    if (symbols[left].behind < count) symbols[symbols[left].behind].before = left;
    if (left > 0) push(symbols[left].before);
    push(left);
  }
  ids.clear();
  for (size_t i = 0; i < count; i = symbols[i].behind) ids.push_back(symbols[i].id);
}

}  // namespace flam
