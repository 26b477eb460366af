#include "framework/base/hash.h"

#include <openssl/evp.h>

#include "framework/base/error.h"
#include "framework/base/file.h"

namespace flam {

std::string sha256(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest, &length, EVP_sha256(), nullptr) != 1) {
    throw RunError("OpenSSL could not compute a SHA-256");
  }
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < length; ++i) {
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 15];
  }
  return text;
}

std::string sha256_file(const std::filesystem::path& path) {
  return sha256(MappedFile::open(path)->bytes());
}

}  // namespace flam
