#include "vocabulary.h"

#include <algorithm>

#include "byte_alphabet.h"
#include "framework/sdk.h"

namespace flam {

namespace {

constexpr size_t kLongestPiece = 1024;
constexpr size_t kMostAdded = 1 << 16;

}  // namespace

void Vocabulary::add_piece(const std::string& name, int64_t id) {
  if (name.empty()) throw Error("a piece of the vocabulary is empty");
  if (name.size() > kLongestPiece) {
    throw Error(cat("a piece of the vocabulary has ", name.size(), " bytes; at most ", kLongestPiece,
                    " are allowed"));
  }
  put(name, id);
}

void Vocabulary::add_merge(const std::string& line) {
  const size_t space = line.find(' ');
  if (space == 0 || space == std::string::npos || space + 1 == line.size() ||
      line.find(' ', space + 1) != std::string::npos)
    throw Error(cat("the merge ", quoted(line), " is not two pieces with a space between them"));
  add_merge(line.substr(0, space), line.substr(space + 1));
}

void Vocabulary::add_merge(const std::string& left, const std::string& right) {
  const auto id = [&](const std::string& name) {
    const auto found = ids_.find(name);
    if (found == ids_.end()) {
      throw Error(cat("merge ", file_.merges.size(), " (", quoted(left), ", ", quoted(right),
                      "): ", quoted(name), " is not in the vocabulary"));
    }
    return found->second;
  };
  file_.merges.push_back({id(left), id(right), id(left + right)});
}

void Vocabulary::add_token(const BpeFile::Added& token) {
  const std::string& text = token.text;
  if (text.empty()) throw Error("a member of added_tokens has no content");
  if (text.size() > kLongestPiece) throw Error(cat("an added token has ", text.size(), " bytes"));
  const auto known = ids_.find(text);
  if (known == ids_.end()) {
    put(text, token.id);
  } else if (known->second != token.id) {
    throw Error(cat(quoted(text), " has the ids ", known->second, " and ", token.id));
  }
  if (!added_.emplace(text, token.id).second) throw Error(cat("added_tokens names ", quoted(text), " twice"));
  if (added_.size() > kMostAdded) throw Error(cat("more than ", kMostAdded, " added tokens"));
  file_.added.push_back(token);
}

void Vocabulary::finish() {
  for (const auto& [name, id] : ids_) {
    auto bytes = bytes_of_piece(name);
    if (!bytes && !added_.contains(name)) {
      throw Error(
          cat("the piece ", quoted(name), " (id ", id,
              ") has a character outside the alphabet of byte-level BPE; is it another kind of vocabulary?"));
    }
    if (bytes) file_.pieces.emplace_back(id, std::move(*bytes));
  }
  std::sort(file_.pieces.begin(), file_.pieces.end());
}

void Vocabulary::put(const std::string& name, int64_t id) {
  const auto i = static_cast<size_t>(id);
  if (i >= names_.size()) names_.resize(i + 1);
  if (!names_[i].empty())
    throw Error(cat("the id ", id, " belongs to both ", quoted(names_[i]), " and ", quoted(name)));
  names_[i] = name;
  if (!ids_.emplace(name, id).second)
    throw Error(cat("the piece ", quoted(name), " has the ids ", ids_.at(name), " and ", id));
  file_.size = std::max(file_.size, id + 1);
}

}  // namespace flam
