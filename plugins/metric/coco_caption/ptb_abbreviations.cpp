#include <vector>

#include "ptb_words.h"

namespace flam::ptb {

namespace {

/// Words in a table: an upper-case letter stands for itself, a lower-case letter for either case, unless ~ is
/// in front of it.
std::vector<std::string_view> table_of(std::string_view words) {
  std::vector<std::string_view> out;
  for (size_t at = 0; at < words.size();) {
    const size_t end = std::min(words.find(' ', at), words.size());
    out.push_back(words.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

size_t entry(const Text& text, size_t at, std::string_view word) {
  size_t length = 0;
  for (size_t i = 0; i < word.size(); ++i, ++length) {
    const bool exactly = word[i] == '~';
    i += exactly;
    const auto expected = static_cast<unsigned char>(word[i]);
    const char32_t c = text[at + length];
    if (c != expected && (exactly || is_upper(expected) || to_ascii_lower(c) != expected)) return 0;
  }
  return length;
}

/// The longest word of the table that has `behind` behind it.
template <class Condition>
size_t longest_entry(const Text& text, size_t at, const std::vector<std::string_view>& table,
                     const Condition& behind) {
  size_t longest = 0;
  for (const std::string_view word : table) {
    const size_t length = entry(text, at, word);
    if (length > longest && behind(text[at + length])) longest = length;
  }
  return longest;
}

bool is_period(char32_t c) {
  return c == '.';
}
}  // namespace

size_t abbreviation(const Text& text, size_t at) {
  static const auto table = table_of(
      "jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thurs fri "
      "ala ariz Az Ark calif colo conn ct dak Del fla ga Ill ind kan kans ky La Mass md mich minn Miss mo "
      "mont neb "
      "nev okla Ore Pa penn tenn Tex va vt Wash wis wisc wyo "
      "inc co cos corp pt~y pt~ys pt~e pt~es ppt~y ppt~ys ppt~e ppt~es ltd plc rt bancorp bhd assn univ intl "
      "sys "
      "tel est ext sq jr sr bros ed.d ph.d blvd rd esq etc al seq bldg");
  const size_t letters = longest_entry(text, at, table, is_period);
  return letters > 0 ? letters + 1 : 0;
}

size_t abbreviated_title(const Text& text, size_t at) {
  static const auto table = table_of(
      "mr mrs ms Miss dr drs prof profs sen sens rep reps atty attys lt col gen messrs gov govs adm rev maj "
      "sgt cpl "
      "pvt capt st ste ave pres lieut hon brig cmdr comdr pfc spc supt supts det mt ft adj adv asst assoc "
      "ens insp "
      "mlle mme msgr sfc invt elec natl m~fg m~tg dept vs alex wm jos cie a.k.a cf treas ph");
  const size_t letters = longest_entry(text, at, table, is_period);
  return letters > 0 ? letters + 1 : 0;
}

size_t abbreviation_of_numbers(const Text& text, size_t at) {
  static const auto table = table_of("ca fig figs prop no nos art bldg pp op");
  const size_t letters = longest_entry(text, at, table, is_period);
  return letters > 0 ? letters + 1 : 0;
}

size_t sentence_start(const Text& text, size_t at) {
  static const auto table = table_of(
      "About According Additionally After An A As At But Earlier He Her Here However If In It Last Many More "
      "Mr. "
      "Ms. Now Once One Other Our She Since So Some Such That The Their Then There These They This We When "
      "While "
      "What Yet You");
  const size_t spaces = text.run(at, is_space);
  const size_t letters = spaces > 0 ? longest_entry(text, at + spaces, table, is_space) : 0;
  return letters > 0 ? spaces + letters + 1 : 0;
}

size_t file_name(const Text& text, size_t at) {
  static const auto types = table_of(
      "bat bmp c class cgi cpp dll doc docx exe gif gz h htm html jar java jpeg jpg mov mp3 pdf php pl png "
      "ppt ps py "
      "sql tar txt wav x xml zip");
  const auto part = [&](size_t from) {
    size_t length = 0;
    for (size_t more = 1; more > 0; length += more)
      more = is_digit(text[from + length]) ? 1 : text.word_letter(from + length);
    return length;
  };
  const auto ends = [](char32_t c) { return is_space(c) || is_one_of(c, U".?!,"); };
  size_t longest = 0;
  for (size_t length = part(at); length > 0 && text[at + length] == '.';) {
    if (const size_t type = longest_entry(text, at + length + 1, types, ends)) longest = length + 1 + type;
    const size_t more = part(at + length + 1);
    if (more == 0) break;
    length += 1 + more;
  }
  return longest;
}

}  // namespace flam::ptb
