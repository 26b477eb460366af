#include "model_check.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "framework/sdk.h"

namespace flam {
namespace {

constexpr size_t kLongestPiece = 1024;
constexpr int64_t kMostPieces = 4 << 20;
constexpr size_t kLongestReplacement = 64;    // NFKC's longest has 33
constexpr uint32_t kLargestTrie = 16u << 20;  // NFKC's has 0.3 MB
// The library stores at most this many matches at one position of a text, and reads past its array if there
// are more.
constexpr size_t kMostNestedSymbols = 64;
constexpr int kMostNestedRules = 32;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(what);
}

/// One message of the protobuf wire format, field after field.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  bool next() {
    if (rest_.empty()) return false;
    const uint64_t tag = varint();
    if (tag > UINT32_MAX)
      refuse("a field has a number beyond 32 bits");  // the library ignores the upper bits
    number = tag >> 3;
    wire = tag & 7;
    if (number == 0) refuse("a field has the number 0");
    switch (wire) {
      case 0:
        value = varint();
        break;
      case 1:
        payload = take(8);
        break;
      case 2:
        payload = take(varint());
        break;
      case 5:
        payload = take(4);
        break;
      default:
        refuse(cat("a field has the unknown wire type ", wire));
    }
    return true;
  }

  bool is(uint64_t field, int wire_type) const {
    if (number == field && wire != wire_type)
      refuse(cat("field ", field, " has the wire type ", wire, ", expected ", wire_type));
    return number == field;
  }

  size_t left() const { return rest_.size(); }

  uint64_t number = 0, value = 0;
  int wire = 0;
  std::string_view payload;

 private:
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const unsigned char byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    refuse("a number is longer than 64 bits");
  }
  std::string_view take(uint64_t count) {
    if (count > rest_.size())
      refuse(cat("a field of ", count, " bytes reaches beyond the end; is the file truncated?"));
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::string_view rest_;
};

/// ModelProto.SentencePiece: piece = 1, score = 2, type = 3. Returns the text of the piece if its type is
/// USER_DEFINED (4), and nothing otherwise.
std::optional<std::string_view> check_piece(std::string_view bytes, int64_t index) {
  std::string_view text;
  bool is_symbol = false;
  for (Fields f(bytes); f.next();) {
    if (f.is(1, 2) && f.payload.size() > kLongestPiece) {
      refuse(cat("piece ", index, " is ", f.payload.size(), " bytes long, at most ", kLongestPiece,
                 " are allowed"));
    }
    if (f.number == 1 &&
        f.payload.find('\0') != std::string_view::npos)  // the library treats pieces as C strings
      refuse(cat("piece ", index, " holds a NUL byte"));
    if (f.is(1, 2)) text = f.payload;
    // The library reads 32 bits and ignores unknown types, so an earlier type stays in effect.
    if (f.is(3, 0) && static_cast<uint32_t>(f.value) == 4) is_symbol = true;
    if (f.is(2, 5)) {
      float score;
      std::memcpy(&score, f.payload.data(), sizeof score);
      if (!std::isfinite(score)) refuse(cat("the score of piece ", index, " is not a number"));
    }
  }
  if (!is_symbol) return std::nullopt;
  return text;
}

void check_symbols(std::vector<std::string_view> symbols) {
  std::sort(symbols.begin(), symbols.end());
  std::vector<std::string_view> prefixes;  // of the last symbol, which is itself the last element
  for (const std::string_view symbol : symbols) {
    while (!prefixes.empty() && !symbol.starts_with(prefixes.back())) prefixes.pop_back();
    prefixes.push_back(symbol);
    if (prefixes.size() > kMostNestedSymbols)
      refuse(cat("more than ", kMostNestedSymbols, " user-defined pieces begin with one another"));
  }
}

/// NormalizerSpec.precompiled_charsmap: the size of a trie (32 bits), the trie (darts-clone units of 32
/// bits), then texts that end with NUL. Every path from the root must stay inside the trie, every value must
/// point to a short text, and no path may contain more rules than the library has room for.
void check_charsmap(std::string_view bytes) {
  if (bytes.empty()) return;
  uint32_t trie_bytes = 0;
  if (bytes.size() < sizeof trie_bytes) refuse("the normalisation table is shorter than its header");
  std::memcpy(&trie_bytes, bytes.data(), sizeof trie_bytes);
  bytes.remove_prefix(sizeof trie_bytes);
  constexpr uint32_t kBlock = 256 * sizeof(uint32_t);
  if (trie_bytes < kBlock || trie_bytes % kBlock != 0 || trie_bytes >= bytes.size()) {
    refuse(cat("the normalisation table states a trie of ", trie_bytes, " bytes, in ", bytes.size()));
  }
  if (trie_bytes > kLargestTrie) {
    refuse(cat("the normalisation table has a trie of ", trie_bytes, " bytes, at most ", kLargestTrie,
               " are allowed"));
  }
  std::vector<uint32_t> trie(trie_bytes / sizeof(uint32_t));
  std::memcpy(trie.data(), bytes.data(), trie_bytes);
  const std::string_view texts = bytes.substr(trie_bytes);
  if (texts.back() != '\0') refuse("the texts of the normalisation table do not end with NUL");

  const auto offset = [](uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); };
  // Depth-first search that visits each unit once, because branches of a trie may be shared, so there may be
  // far more paths than units.
  constexpr int kUnseen = -1, kOnPath = -2;
  std::vector<int> rules(trie.size(), kUnseen);  // the largest number of rules on a path from a unit
  struct Step {
    uint32_t at, base, label;
    int below;  // the largest number of rules on a path after this unit
  };
  std::vector<Step> path;
  const auto enter = [&](uint32_t at) {
    const uint32_t base = at ^ offset(trie[at]);
    if ((base | 0xff) >= trie.size()) refuse("the normalisation table points outside itself");
    if ((trie[at] >> 8) & 1) {  // has a leaf
      const uint32_t text = trie[base] & 0x7fffffff;
      if (text >= texts.size()) refuse("the normalisation table points outside its texts");
      if (texts.substr(text, kLongestReplacement + 1).find('\0') == std::string_view::npos)
        refuse(cat("a text of the normalisation table has more than ", kLongestReplacement, " bytes"));
    }
    rules[at] = kOnPath;
    path.push_back({at, base, 0, 0});  // starting at label 0, because texts may contain NUL
  };
  enter(0);
  while (!path.empty()) {
    Step& step = path.back();
    if (step.label == 256) {
      const Step done = step;
      const int met = done.below + static_cast<int>((trie[done.at] >> 8) & 1);
      if (met > kMostNestedRules)
        refuse(
            cat("more than ", kMostNestedRules, " rules of the normalisation table begin with one another"));
      rules[done.at] = met;
      path.pop_back();
      if (!path.empty()) path.back().below = std::max(path.back().below, met);
      continue;
    }
    const uint32_t label = step.label++;
    const uint32_t child = step.base ^ label;
    if ((trie[child] & 0x800000ff) != label) continue;
    if (child == step.at && ((trie[child] >> 8) & 1) == 0) continue;  // an unused unit without a rule
    if (rules[child] == kOnPath) refuse("the normalisation table contains a cycle");
    if (rules[child] == kUnseen) {
      enter(child);
    } else {
      step.below = std::max(step.below, rules[child]);
    }
  }
}

/// NormalizerSpec: precompiled_charsmap = 2.
void check_normalizer(std::string_view bytes) {
  for (Fields f(bytes); f.next();) {
    if (f.is(2, 2)) check_charsmap(f.payload);
  }
}

}  // namespace

ModelSummary check_model(std::string_view bytes, const std::string& file) {
  ModelSummary summary;
  std::vector<std::string_view> symbols;
  try {
    size_t begin = 0;
    for (Fields f(bytes); f.next();) {  // ModelProto: pieces = 1, normalizer_spec = 3, denormalizer_spec = 5
      const size_t end = bytes.size() - f.left();
      if (f.number != 4) summary.usable += bytes.substr(begin, end - begin);
      begin = end;
      if (f.is(1, 2)) {
        if (const auto symbol = check_piece(f.payload, summary.pieces)) {
          symbols.push_back(*symbol);
          summary.user_defined.push_back(summary.pieces);
        }
        ++summary.pieces;
      }
      if (f.is(3, 2) || f.is(5, 2)) check_normalizer(f.payload);
      if (summary.pieces > kMostPieces) refuse(cat("more than ", kMostPieces, " pieces"));
    }
    if (summary.pieces == 0) refuse("it holds no pieces");
    check_symbols(std::move(symbols));
  } catch (const Error& e) {
    throw Error(cat(quoted(file), " is not a usable SentencePiece file: ", e.what()));
  }
  return summary;
}

}  // namespace flam
