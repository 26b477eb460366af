#pragma once
#include <cstring>

#include "framework/base/text.h"
#include "framework/weights/formats/formats.h"

namespace flam {

/// Reads the header of a GGUF file from front to back. Every error names the file.
class GgufCursor {
 public:
  GgufCursor(const MappedFile& file, size_t at) : file_(file), at_(at) {}

  size_t at() const { return at_; }
  size_t left() const { return file_.size() - at_; }
  std::string_view since(size_t begin) const { return file_.bytes().substr(begin, at_ - begin); }
  [[noreturn]] void fail(const std::string& why) const { refuse(file_, "GGUF: " + why); }

  std::string_view take(uint64_t count, const std::string& what) {
    if (count > left()) {
      fail(cat(what, " needs ", count, " bytes at byte ", at_, ", the file has ", left(),
               " left: is it truncated?"));
    }
    const std::string_view taken = file_.bytes().substr(at_, count);
    at_ += count;
    return taken;
  }
  template <class T>
  T number(const std::string& what) {
    T value;
    std::memcpy(&value, take(sizeof value, what).data(), sizeof value);
    return value;
  }
  /// A length and as many bytes.
  std::string_view text(uint64_t most, const std::string& what) {
    const auto length = number<uint64_t>(what);
    if (length > most) fail(cat(what, " has ", length, " bytes; at most ", most, " are allowed"));
    return take(length, what);
  }

 private:
  const MappedFile& file_;
  size_t at_;
};

}  // namespace flam
