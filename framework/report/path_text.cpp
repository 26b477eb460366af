#include "framework/report/path_text.h"

#include <charconv>
#include <cstdio>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {

namespace {

constexpr std::string_view kScheme = "file://";
constexpr std::string_view kUnreserved =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";

std::string percent_encoded(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (kUnreserved.find(c) != std::string_view::npos) {
      out += c;
    } else {
      char escaped[4];
      (void)std::snprintf(escaped, sizeof escaped, "%%%02X", static_cast<unsigned char>(c));
      out += escaped;
    }
  }
  return out;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t length = utf8_front(bytes).length;
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::string path_text(const std::filesystem::path& path) {
  const std::string& bytes = path.native();
  if (is_utf8(bytes) && !bytes.starts_with(kScheme)) return bytes;
  return std::string(kScheme) + percent_encoded(std::filesystem::absolute(path).native());
}

std::string relative_link(const std::filesystem::path& file, const std::filesystem::path& folder) {
  const auto plain = [](const std::filesystem::path& path) {
    return std::filesystem::absolute(path.empty() ? "." : path).lexically_normal();
  };
  return percent_encoded(plain(file).lexically_proximate(plain(folder)).native());
}

std::filesystem::path path_of_text(const std::string& text) {
  if (!text.starts_with(kScheme)) return text;
  const auto fail = [&](const char* what) { return Error(cat("file URI ", quoted(text), " ", what)); };
  const std::string_view encoded = std::string_view(text).substr(kScheme.size());
  if (!encoded.starts_with('/')) throw fail("names a host; expected file:/// and an absolute path");
  std::string path;
  for (size_t at = 0; at < encoded.size(); ++at) {
    if (encoded[at] != '%') {
      path += encoded[at];
      continue;
    }
    const std::string_view digits = encoded.substr(at + 1, 2);
    unsigned char byte = 0;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (problem != std::errc() || digits.size() != 2 || end != digits.data() + 2)
      throw fail("has a % without two hexadecimal digits");
    if (byte == 0) throw fail("has a NUL byte, which is not allowed in a path");
    path += static_cast<char>(byte);
    at += 2;
  }
  return path;
}

}  // namespace flam
