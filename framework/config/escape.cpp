#include "framework/config/escape.h"

#include <string_view>

namespace flam {

std::string escape_controls(const std::string& json) {
  std::string out;
  for (size_t i = 0; i < json.size(); ++i) {
    const auto byte = static_cast<unsigned char>(json[i]);
    const auto next = static_cast<unsigned char>(i + 1 < json.size() ? json[i + 1] : 0);
    const bool two = byte == 0xc2 && next >= 0x80 && next < 0xa0;
    if (byte != 0x7f && !two) {
      out += json[i];
      continue;
    }
    constexpr std::string_view kHex = "0123456789abcdef";
    const unsigned code = two ? next : byte;
    out += "\\u00";
    out += {kHex[code >> 4], kHex[code & 15]};
    i += two;
  }
  return out;
}

}  // namespace flam
