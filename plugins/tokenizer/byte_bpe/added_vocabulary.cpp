#include "added_vocabulary.h"

#include <algorithm>

#include "framework/sdk.h"
#include "pre_tokenizer.h"

namespace flam {

namespace {

/// The bytes of whitespace at the start of the text.
size_t spaces_at_start(std::string_view text) {
  size_t count = 0;
  while (begins_with_space(text.substr(count))) count += utf8_front(text.substr(count)).length;
  return count;
}

/// The bytes of whitespace at the end of the text.
size_t spaces_at_end(std::string_view text) {
  size_t count = 0;
  while (true) {
    const std::string_view last = last_character(text.substr(0, text.size() - count));
    if (!begins_with_space(last)) return count;
    count += last.size();
  }
}

}  // namespace

void AddedVocabulary::Tokens::add(const BpeFile::Added& token) {
  auto& tokens = by_first_byte_[static_cast<unsigned char>(token.text.front())];
  const auto shorter = std::find_if(tokens.begin(), tokens.end(), [&](const BpeFile::Added& other) {
    return other.text.size() < token.text.size();
  });
  tokens.insert(shorter, token);
}

const BpeFile::Added* AddedVocabulary::Tokens::find(const MarkedText& text, size_t at) const {
  const std::string_view rest = std::string_view(text.str()).substr(at);
  for (const BpeFile::Added& token : by_first_byte_[static_cast<unsigned char>(rest.front())]) {
    if (rest.starts_with(token.text) && !text.touches_literal(at, at + token.text.size())) return &token;
  }
  return nullptr;
}

void AddedVocabulary::Tokens::split(const MarkedText& marked, const Encode& between,
                                    std::vector<int64_t>& ids) const {
  const std::string_view text = marked.str();
  size_t done = 0;
  const auto encode_until = [&](size_t end) {
    if (end > done) between(marked.slice(done, end), ids);
  };
  for (size_t at = 0; at < text.size();) {
    const BpeFile::Added* token = find(marked, at);
    if (!token) {
      ++at;
      continue;
    }
    size_t begin = at, end = at + token->text.size();
    at = end;
    if (token->single_word &&
        (begins_with_word(last_character(text.substr(0, begin))) || begins_with_word(text.substr(end))))
      continue;
    if (token->lstrip) begin = std::max(done, begin - spaces_at_end(text.substr(0, begin)));
    if (token->rstrip) end += spaces_at_start(text.substr(end));
    encode_until(begin);
    ids.push_back(token->id);
    done = end;
  }
  encode_until(text.size());
}

AddedVocabulary::AddedVocabulary(std::vector<BpeFile::Added> tokens, bool nfc) : nfc_(nfc) {
  // Of tokens that become equal when they are composed, the first special one is found.
  std::ranges::stable_partition(tokens, &BpeFile::Added::special);
  for (BpeFile::Added& token : tokens) {
    if (token.normalized && nfc) token.text = flam::nfc(template_text(token.text)).str();
    (token.normalized ? normalized_ : first_).add(token);
  }
}

void AddedVocabulary::encode(const MarkedText& text, const Encode& encode, std::vector<int64_t>& ids) const {
  first_.split(
      text,
      [&](const MarkedText& segment, std::vector<int64_t>& out) {
        normalized_.split(nfc_ ? nfc(segment) : segment, encode, out);
      },
      ids);
}

}  // namespace flam
