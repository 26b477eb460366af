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

void TokenNames::add(int64_t id, const std::string& name, const Location& where) {
  const auto [named, is_new] = by_id_.try_emplace(id, Entry{name, where});
  if (!is_new && named->second.text != name) {
    throw Error(where, cat("the tokenizer's files disagree: the token with the id ", id, " is ", quoted(name),
                           " here, but ", quoted(named->second.text), " at ", named->second.where.str(),
                           "; are they files of two models?"));
  }
  const auto [known, is_new_name] = by_name_.try_emplace(name, id);
  if (!is_new_name && known->second != id) {
    throw Error(where, cat("the tokenizer's files disagree: the token ", quoted(name), " has the id ", id,
                           " here, but ", known->second, " at ", by_id_.at(known->second).where.str(),
                           "; are they files of two models?"));
  }
}

const std::string& TokenNames::name(const Value& id, const std::string& what) const {
  const auto found = by_id_.find(id.as_int());
  if (found == by_id_.end()) {
    throw Error(id.where(), cat(what, " is the id ", id.as_int(),
                                ", which the tokenizer does not have; its ids are 0 to ",
                                by_id_.empty() ? -1 : by_id_.rbegin()->first));
  }
  return found->second.text;
}

std::optional<int64_t> TokenNames::id(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? std::nullopt : std::optional(found->second);
}

int64_t TokenNames::size() const {
  int64_t next = 0;
  for (const auto& [id, entry] : by_id_) {
    if (id != next)
      throw Error(entry.where, cat("the tokenizer has no token with the id ", next, ", but one with ", id));
    ++next;
  }
  return next;
}

int64_t add_sentencepiece_pieces(const std::filesystem::path& file, TokenNames& names) {
  const std::string bytes = read_file(file, kLargestModel);
  const Location where{std::make_shared<const std::string>(file.string()), 0, 0};
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
    names.add(count++, text, where);
  });
  if (!read || !whole || count == 0) throw Error(where, "this is not a SentencePiece file, or it is cut off");
  return count;
}

}  // namespace flam
