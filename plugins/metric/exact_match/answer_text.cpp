#include "answer_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "framework/sdk.h"

namespace flam {

namespace {

/// The words that `contractions` restores.
constexpr std::string_view kContractions =
    "'ow's'at 'twas ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've "
    "hasn't haven't he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am might've mightn't "
    "mightn't've must've mustn't needn't not've o'clock oughtn't shan't she'd've should've shouldn't "
    "shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've someone'll someone's "
    "something'd something'd've something'll that's there'd there'd've there're there's they'd they'd've "
    "they'll they're they've wasn't we'd've we've weren't what'll what're what's what've when's where'd "
    "where's where've who'd who'd've who'll who's who've why'll why're why's won't would've wouldn't "
    "wouldn't've y'all y'all'd've y'all'll you'd you'd've you'll you're you've";

constexpr std::array<std::string_view, 11> kNumbers = {"zero", "one",   "two",   "three", "four", "five",
                                                       "six",  "seven", "eight", "nine",  "ten"};

/// What str.isspace() of Python says.
bool is_space(char32_t code) {
  return (code >= 9 && code <= 13) || (code >= 0x1C && code <= 0x20) || code == 0x85 || code == 0xA0 ||
         code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 ||
         code == 0x202F || code == 0x205F || code == 0x3000;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The words of the text, which whitespace separates.
std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  size_t begin = 0;
  for (size_t at = 0; at <= text.size();) {
    const Utf8Char front = utf8_front(text.substr(at));
    if (at < text.size() && !(front.length > 0 && is_space(front.code))) {
      at += std::max<size_t>(front.length, 1);
      continue;
    }
    if (at > begin) words.push_back(text.substr(begin, at - begin));
    at += std::max<size_t>(front.length, 1);
    begin = at;
  }
  return words;
}

std::string stripped(std::string_view text) {
  const auto words = words_of(text);
  if (words.empty()) return {};
  const char* end = words.back().data() + words.back().size();
  return std::string(text.substr(static_cast<size_t>(words.front().data() - text.data()),
                                 static_cast<size_t>(end - words.front().data())));
}

std::string without_punctuation(const std::string& text) {
  bool comma_in_number = false;
  for (size_t i = 1; i + 1 < text.size(); ++i)
    comma_in_number = comma_in_number || (text[i] == ',' && is_digit(text[i - 1]) && is_digit(text[i + 1]));
  std::array<bool, 256> removed{}, spaced{};
  for (const char mark : std::string_view(";/[]\"{}()=+\\_-><@`,?!")) {
    if (text.find(mark) == std::string::npos) continue;
    const std::string before = {' ', mark}, after = {mark, ' '};
    const bool at_space = text.find(before) != std::string::npos || text.find(after) != std::string::npos;
    (at_space || comma_in_number ? removed : spaced)[static_cast<unsigned char>(mark)] = true;
  }
  std::string kept;
  for (const char c : text) {
    if (!removed[static_cast<unsigned char>(c)]) kept += spaced[static_cast<unsigned char>(c)] ? ' ' : c;
  }
  std::string out;
  int periods = 0;
  for (size_t i = 0; i < kept.size(); ++i) {
    if (kept[i] != '.' || (i + 1 < kept.size() && is_digit(kept[i + 1])) || ++periods > 32) out += kept[i];
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const Utf8Char front = utf8_front(text.substr(at));
    if (front.length < 2) {
      const char c = text[at++];
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      continue;
    }
    at += front.length;
    utf8proc_uint8_t bytes[4];
    const auto length =
        utf8proc_encode_char(utf8proc_tolower(static_cast<utf8proc_int32_t>(front.code)), bytes);
    out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
    if (front.code == 0x130) out += "\xCC\x87";  // İ becomes i with a dot above
  }
  return out;
}

std::string with_digits(const std::string& word) {
  if (word == "none") return "0";
  const auto found = std::ranges::find(kNumbers, word);
  return found == kNumbers.end() ? word : std::to_string(found - kNumbers.begin());
}

/// {a word without one of its apostrophes: the word}
std::unordered_map<std::string, std::string> make_contractions() {
  std::unordered_map<std::string, std::string> out;
  for (const std::string_view word : words_of(kContractions)) {
    for (size_t at = word.find('\''); at != word.npos; at = word.find('\'', at + 1))
      out.emplace(std::string(word.substr(0, at)).append(word.substr(at + 1)), word);
  }
  out.emplace("somebody'd", "somebodyd");  // as in the script
  return out;
}

std::string contracted(const std::string& word) {
  static const auto contractions = make_contractions();
  const auto found = contractions.find(word);
  return found == contractions.end() ? word : found->second;
}

}  // namespace

std::string on_one_line(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c == '\n' || c == '\t' ? ' ' : c;
  return out;
}

std::string normal_answer(std::string_view text, const AnswerSteps& steps) {
  std::string out(text);
  if (steps.punctuation) out = on_one_line(out);
  if (steps.strip) out = stripped(out);
  if (steps.punctuation) out = without_punctuation(out);
  if (steps.lower_case) out = lower(out);
  if (!steps.splits_words()) return out;
  std::vector<std::string> words;
  for (const std::string_view each : words_of(out)) {
    std::string word(each);
    if (steps.number_words) word = with_digits(word);
    if (steps.articles && (word == "a" || word == "an" || word == "the")) continue;
    words.push_back(steps.contractions ? contracted(word) : word);
  }
  return join(words, " ");
}

}  // namespace flam
