#include "plugins/dataset/shared/picture_names.h"

#include <algorithm>
#include <set>
#include <string>

namespace flam {

bool is_picture(const std::filesystem::path& path) {
  static const std::set<std::string> kSuffixes = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp",
                                                  ".tif", ".tiff", ".ppm", ".pgm",  ".pbm"};
  std::string suffix = path.extension().string();
  for (char& c : suffix) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return kSuffixes.contains(suffix);
}

namespace {

/// Takes a number or one other character from the front of a text.
std::string_view take_piece(std::string_view& text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view piece = text.substr(0, std::max<size_t>(digits, 1));
  text.remove_prefix(piece.size());
  return piece;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view without_zeros(std::string_view digits) {
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size() - 1));
}

}  // namespace

bool is_before(std::string_view a, std::string_view b) {
  std::string_view rest_a = a, rest_b = b;
  while (!rest_a.empty() && !rest_b.empty()) {
    std::string_view left = take_piece(rest_a), right = take_piece(rest_b);
    if (is_digit(left[0]) && is_digit(right[0])) {
      left = without_zeros(left);
      right = without_zeros(right);
      if (left.size() != right.size()) return left.size() < right.size();
    }
    if (left != right) return left < right;
  }
  return rest_a.size() != rest_b.size() ? rest_a.size() < rest_b.size() : a < b;
}

}  // namespace flam
