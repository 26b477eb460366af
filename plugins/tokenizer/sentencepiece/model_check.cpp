#include "model_check.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "framework/sdk.h"

namespace flam {
namespace {

constexpr size_t kLongestPiece = 1024;
constexpr int64_t kMostPieces = 4 << 20;

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
    number = tag >> 3;
    wire = tag & 7;
    if (number == 0) refuse("a field has the number 0");
    switch (wire) {
      case 0:
        varint();
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

  uint64_t number = 0;
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

/// ModelProto.SentencePiece: piece = 1, score = 2.
void check_piece(std::string_view bytes, int64_t index) {
  for (Fields f(bytes); f.next();) {
    if (f.is(1, 2) && f.payload.size() > kLongestPiece) {
      refuse(cat("piece ", index, " is ", f.payload.size(), " bytes long, at most ", kLongestPiece,
                 " are allowed"));
    }
    if (f.number == 1 &&
        f.payload.find('\0') != std::string_view::npos)  // the library takes pieces for C strings
      refuse(cat("piece ", index, " holds a NUL byte"));
    if (f.is(2, 5)) {
      float score;
      std::memcpy(&score, f.payload.data(), sizeof score);
      if (!std::isfinite(score)) refuse(cat("the score of piece ", index, " is not a number"));
    }
  }
}

/// NormalizerSpec.precompiled_charsmap: the size of a trie (32 bits), the trie (darts-clone units of 32
/// bits), then texts that end with NUL. Every walk from the root must stay inside the trie and every value
/// inside the texts.
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
  std::vector<uint32_t> trie(trie_bytes / sizeof(uint32_t));
  std::memcpy(trie.data(), bytes.data(), trie_bytes);
  const std::string_view texts = bytes.substr(trie_bytes);
  if (texts.back() != '\0') refuse("the texts of the normalisation table have no end");

  const auto offset = [](uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); };
  std::vector<bool> seen(trie.size());
  std::vector<uint32_t> open = {0};
  while (!open.empty()) {
    const uint32_t at = open.back();
    open.pop_back();
    if (seen[at]) continue;
    seen[at] = true;
    const uint32_t base = at ^ offset(trie[at]);
    if ((base | 0xff) >= trie.size()) refuse("the normalisation table points outside itself");
    const bool has_leaf = (trie[at] >> 8) & 1;
    if (has_leaf && (trie[base] & 0x7fffffff) >= texts.size())
      refuse("the normalisation table points outside its texts");
    for (uint32_t label = 1; label < 256; ++label) {
      if ((trie[base ^ label] & 0x800000ff) == label) open.push_back(base ^ label);
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
  try {
    for (Fields f(bytes); f.next();) {  // ModelProto: pieces = 1, normalizer_spec = 3, denormalizer_spec = 5
      if (f.is(1, 2)) check_piece(f.payload, summary.pieces++);
      if (f.is(3, 2) || f.is(5, 2)) check_normalizer(f.payload);
      if (summary.pieces > kMostPieces) refuse(cat("more than ", kMostPieces, " pieces"));
    }
    if (summary.pieces == 0) refuse("it holds no pieces");
  } catch (const Error& e) {
    throw Error(cat(quoted(file), " is not a usable SentencePiece file: ", e.what()));
  }
  return summary;
}

}  // namespace flam
