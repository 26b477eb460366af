#include "framework/report/figures.h"

#include <cmath>
#include <iomanip>
#include <sstream>

#include "framework/base/text.h"

namespace flam {

std::string with_commas(int64_t number) {
  std::string digits = std::to_string(number);
  const int64_t first = number < 0 ? 1 : 0;
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > first; at -= 3) digits.insert(at, ",");
  return digits;
}

std::string shortened(double number, const char* unit) {
  const char* prefix = "";
  for (const char* next : {"k", "M", "G", "T", "P"}) {
    if (number < 999.5) break;  // what rounds to 1000 gets the next prefix
    number /= 1000;
    prefix = next;
  }
  return significant(number, 3) + " " + prefix + unit;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::vector<std::string> sizes;
  sizes.reserve(shape.size());
  for (const int64_t size : shape) sizes.push_back(std::to_string(size));
  return "[" + join(sizes, ",") + "]";
}

std::string significant(double number, int digits) {
  if (!std::isfinite(number)) return "-";
  std::ostringstream out;
  // A large number is written out, not with an exponent.
  const double size = std::abs(number);
  if (size >= std::pow(10, digits) - 0.5 && size < 1e15) {
    out << std::fixed << std::setprecision(0) << number;
  } else {
    out << std::setprecision(digits) << number;
  }
  return out.str();
}

}  // namespace flam
