#include "framework/recipe/import/token_names.h"

#include "framework/base/error.h"
#include "framework/base/file.h"
#include "framework/base/text.h"

namespace flam {

namespace {

constexpr size_t kLargestModel = size_t{64} << 20;

/// Calls `field(number, payload)` for the length-delimited fields of a protobuf message. Returns false if it
/// is malformed.
template <class Field>
bool each_field(std::string_view bytes, const Field& field) {
  const auto varint = [&](uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes.front());
      bytes.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  };
  while (!bytes.empty()) {
    uint64_t tag = 0, length = 0;
    if (!varint(tag)) return false;
    const uint64_t wire = tag & 7;
    if (wire == 0) {
      if (!varint(length)) return false;
      continue;
    }
    if (wire == 1 || wire == 5) {
      length = wire == 1 ? 8 : 4;
    } else if (wire != 2 || !varint(length)) {
      return false;
    }
    if (length > bytes.size()) return false;
    if (wire == 2) field(tag >> 3, bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  return true;
}

}  // namespace

void TokenNames::add(int64_t id, const std::string& name, const std::string& file) {
  const auto [named, is_new] = by_id_.try_emplace(id, Entry{name, file});
  if (!is_new && named->second.text != name) {
    throw Error(cat("the tokenizer's files disagree: the token with the id ", id, " is ",
                    quoted(named->second.text), " in ", named->second.file, " and ", quoted(name), " in ",
                    file, "; are they files of two models?"));
  }
  const auto [known, is_new_name] = by_name_.try_emplace(name, id);
  if (!is_new_name && known->second != id) {
    throw Error(cat("the tokenizer's files disagree: the token ", quoted(name), " has the id ", known->second,
                    " in ", by_id_.at(known->second).file, " and ", id, " in ", file));
  }
}

const std::string& TokenNames::name(int64_t id, const std::string& what) const {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) throw Error(cat(what, " is the id ", id, ", which the tokenizer does not have"));
  return found->second.text;
}

std::optional<int64_t> TokenNames::id(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? std::nullopt : std::optional(found->second);
}

int64_t TokenNames::size() const {
  int64_t next = 0;
  for (const auto& [id, entry] : by_id_) {
    if (id != next) throw Error(cat("the tokenizer has no token with the id ", next, ", but one with ", id));
    ++next;
  }
  return next;
}

int64_t add_sentencepiece_pieces(const std::filesystem::path& file, TokenNames& names) {
  const std::string bytes = read_file(file, kLargestModel);
  int64_t count = 0;
  bool whole = true;
  const bool read = each_field(bytes, [&](uint64_t number, std::string_view piece) {  // ModelProto.pieces = 1
    if (number != 1) return;
    std::string text;
    whole = each_field(piece,
                       [&](uint64_t field, std::string_view value) {
                         if (field == 1) text = value;  // SentencePiece.piece = 1
                       }) &&
            whole;
    names.add(count++, text, file.filename().string());
  });
  if (!read || !whole || count == 0) throw Error(cat(quoted(file.string()), " is not a SentencePiece file"));
  return count;
}

}  // namespace flam
