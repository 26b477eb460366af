#include "framework/config/scalar.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "framework/base/text.h"

namespace flam {

namespace {

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// YAML 1.2 core float without sign: (\.[0-9]+ | [0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool is_float(std::string_view text) {
  if (const size_t e = text.find_first_of("eE"); e != text.npos) {
    std::string_view exponent = text.substr(e + 1);
    if (!exponent.empty() && (exponent[0] == '-' || exponent[0] == '+')) exponent.remove_prefix(1);
    if (!all_digits(exponent)) return false;
    text = text.substr(0, e);
  }
  const size_t dot = text.find('.');
  if (dot == text.npos) return all_digits(text);
  const std::string_view whole = text.substr(0, dot), fraction = text.substr(dot + 1);
  if (whole.empty()) return all_digits(fraction);
  return all_digits(whole) && (fraction.empty() || all_digits(fraction));
}

template <class Number, class... Options>
Number converted(std::string_view digits, std::string_view word, const Location& where, Options... options) {
  Number number{};
  const auto [end, status] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, options...);
  if (status == std::errc::result_out_of_range) {
    throw Error(where, cat("the number ", printable(word), " does not fit into 64 bits"));
  }
  return number;
}

int64_t decimal(std::string_view word, std::string_view digits, const Location& where) {
  if (digits.size() > 1 && digits[0] == '0') {
    throw Error(where,
                cat("the number ", printable(word), " begins with a zero, which some readers take as octal; ",
                    "write it without the zero, or as text in quotes"));
  }
  return converted<int64_t>(word[0] == '+' ? digits : word, word, where);
}

}  // namespace

Value plain_scalar(std::string_view word, const Location& where) {
  if (word.empty() || word == "~" || word == "null") {
    Value null;
    null.set_where(where);
    return null;
  }
  if (word == "true" || word == "false") return Value(word == "true", where);

  const bool negative = word[0] == '-';
  const std::string_view unsigned_part = negative || word[0] == '+' ? word.substr(1) : word;
  if (all_digits(unsigned_part)) return Value(decimal(word, unsigned_part, where), where);
  const std::string_view body = word.substr(std::min<size_t>(word.size(), 2));
  const bool hexadecimal =
      word.starts_with("0x") && body.find_first_not_of("0123456789abcdefABCDEF") == body.npos;
  const bool octal = word.starts_with("0o") && body.find_first_not_of("01234567") == body.npos;
  if ((hexadecimal || octal) && !body.empty()) {
    return Value(converted<int64_t>(body, word, where, hexadecimal ? 16 : 8), where);
  }
  if (unsigned_part == ".inf" || unsigned_part == ".Inf" || unsigned_part == ".INF") {
    return Value(negative ? -INFINITY : INFINITY, where);
  }
  if (word == ".nan" || word == ".NaN" || word == ".NAN")
    return Value(std::numeric_limits<double>::quiet_NaN(), where);
  if (is_float(unsigned_part)) {
    const double magnitude = converted<double>(unsigned_part, word, where);
    return Value(negative ? -magnitude : magnitude, where);
  }
  return Value(std::string(word), where);
}

std::string double_text(double number) {
  if (std::isnan(number)) return ".nan";
  if (std::isinf(number)) return number < 0 ? "-.inf" : ".inf";
  char digits[32];
  std::string text(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  if (text.find_first_of(".e") == text.npos) text += ".0";
  return text;
}

}  // namespace flam
