#include "pre_tokenizer.h"

#include <oniguruma.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>

#include "framework/sdk.h"

namespace flam {
namespace {

constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

std::string_view expression_of(PreTokenizerKind kind) {
  switch (kind) {
    case PreTokenizerKind::gpt2:
    case PreTokenizerKind::smollm:
      return kGpt2;
    case PreTokenizerKind::llama3:
      return kLlama3;
    case PreTokenizerKind::qwen2:
      return kQwen2;
  }
  throw Error("unknown pre-tokenizer");
}

const UChar* bytes(const char* text) {
  return reinterpret_cast<const UChar*>(text);
}

[[noreturn]] void fail(int status) {
  UChar message[ONIG_MAX_ERROR_MESSAGE_LEN];
  const int length = onig_error_code_to_str(message, status);
  throw Error(
      cat("tokenizer 'byte_bpe': Oniguruma can't split the text: ",
          printable({reinterpret_cast<const char*>(message), static_cast<size_t>(std::max(0, length))})));
}

std::shared_ptr<re_pattern_buffer> compiled(std::string_view expression) {
  static const int initialized = [] {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    return onig_initialize(encodings, 1);
  }();
  if (initialized != ONIG_NORMAL) fail(initialized);
  regex_t* made = nullptr;
  const UChar* begin = bytes(expression.data());
  const int status = onig_new(&made, begin, begin + expression.size(), ONIG_OPTION_NONE, ONIG_ENCODING_UTF8,
                              ONIG_SYNTAX_DEFAULT, nullptr);
  if (status != ONIG_NORMAL) fail(status);
  return {made, onig_free};
}

/// Calls `match` and `between` for the matches of the expression and the texts between them, in order.
template <class Match, class Between>
void each_match(regex_t* expression, std::string_view text, const Match& match, const Between& between) {
  struct Region {
    OnigRegion* get = onig_region_new();
    ~Region() { onig_region_free(get, 1); }
  } region;
  if (!region.get) throw std::bad_alloc();
  const UChar* begin = bytes(text.data());
  const UChar* end = begin + text.size();
  size_t done = 0;
  while (done < text.size()) {
    const int at = onig_search(expression, begin, end, begin + done, end, region.get, ONIG_OPTION_NONE);
    if (at == ONIG_MISMATCH) break;
    if (at < 0) fail(at);
    const size_t from = static_cast<size_t>(region.get->beg[0]), to = static_cast<size_t>(region.get->end[0]);
    if (to <= done) break;  // none of the expressions matches an empty text
    if (from > done) between(text.substr(done, from - done));
    match(text.substr(from, to - from));
    done = to;
  }
  if (done < text.size()) between(text.substr(done));
}

/// The length of the UTF-8 at the front.
size_t valid_length(std::string_view text) {
  size_t length = 0;
  while (length < text.size()) {
    if (static_cast<unsigned char>(text[length]) < 0x80) {
      ++length;
      continue;
    }
    const size_t character = utf8_front(text.substr(length)).length;
    if (character == 0) break;
    length += character;
  }
  return length;
}

}  // namespace

std::optional<PreTokenizerKind> kind_of_expression(std::string_view expression) {
  for (const auto kind : {PreTokenizerKind::gpt2, PreTokenizerKind::llama3, PreTokenizerKind::qwen2}) {
    if (expression == expression_of(kind)) return kind;
  }
  return std::nullopt;
}

PreTokenizer::PreTokenizer(PreTokenizerKind kind) : expression_(compiled(expression_of(kind))) {
  if (kind == PreTokenizerKind::smollm) digit_ = compiled(R"(\p{N})");
}

void PreTokenizer::split(std::string_view text, const Piece& piece) const {
  const auto split_part = [&](std::string_view part) { each_match(expression_.get(), part, piece, piece); };
  while (!text.empty()) {
    const size_t valid = valid_length(text);
    if (valid > 0 && digit_) {
      each_match(digit_.get(), text.substr(0, valid), piece, split_part);
    } else if (valid > 0) {
      split_part(text.substr(0, valid));
    }
    text.remove_prefix(valid);
    size_t broken = 0;  // Oniguruma must not see these bytes, because it would read past the end of the text
    while (broken < text.size() && utf8_front(text.substr(broken)).length == 0) ++broken;
    if (broken > 0) piece(text.substr(0, broken));
    text.remove_prefix(broken);
  }
}

std::string_view last_character(std::string_view text) {
  for (size_t length = 1; length <= std::min<size_t>(4, text.size()); ++length) {
    const std::string_view last = text.substr(text.size() - length);
    if (utf8_front(last).length == length) return last;
  }
  return {};
}

bool begins_with_space(std::string_view text) {
  const auto [c, length] = utf8_front(text);
  if (length == 0) return false;
  return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

bool begins_with_word(std::string_view text) {
  static const auto kWord = compiled(R"([\w\x{200c}\x{200d}])");
  const UChar* begin = bytes(text.data());
  const size_t length = utf8_front(text).length;
  return length > 0 && onig_match(kWord.get(), begin, begin + length, begin, nullptr, ONIG_OPTION_NONE) > 0;
}

MarkedText nfc(const MarkedText& marked) {
  const std::string_view text = marked.str();
  const auto is_ascii = [&](size_t at) { return static_cast<unsigned char>(text[at]) < 0x80; };
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    return marked;
  MarkedText out;
  for (size_t begin = 0; begin < text.size();) {
    // An ASCII character is never composed with what is in front of it.
    size_t end = begin + 1;
    while (end < text.size() && is_ascii(end)) ++end;
    if (is_ascii(begin) && end < text.size()) --end;  // the last one may be composed with what is behind it
    if (!is_ascii(begin) || end == begin) {
      end = begin + 1;
      while (end < text.size() && !is_ascii(end)) ++end;
      const std::string_view block = text.substr(begin, end - begin);
      utf8proc_uint8_t* composed = nullptr;
      const utf8proc_ssize_t size =
          utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(block.data()),
                       static_cast<utf8proc_ssize_t>(block.size()), &composed,
                       static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
      const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owner(composed, std::free);
      const std::string_view result =
          size < 0 ? block
                   : std::string_view(reinterpret_cast<const char*>(composed), static_cast<size_t>(size));
      if (result == block) {
        out += marked.slice(begin, end);
      } else {
        out += marked.touches_literal(begin, end) ? literal_text(std::string(result))
                                                  : template_text(std::string(result));
      }
    } else {
      out += marked.slice(begin, end);
    }
    begin = end;
  }
  return out;
}

}  // namespace flam
