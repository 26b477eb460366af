#pragma once
#include <cstdlib>

#include "framework/base/text.h"
#include "framework/weights/formats/unpickler.h"

namespace flam::pickle {

/// Reads the bytes one after another, and fails if there are too few. Messages give the position of the
/// opcode read last.
class Bytes {
 public:
  Bytes(std::string_view bytes, const Fail& fail) : bytes_(bytes), fail_(fail) {}

  [[noreturn]] void fail(const std::string& why) const {
    fail_(why, opcode_at_);
    std::abort();  // fail_ throws
  }
  size_t position() const { return position_; }
  size_t left() const { return bytes_.size() - position_; }
  std::string_view take(uint64_t size) {
    if (size > left()) fail(cat("ends in the middle of ", size, " bytes"));
    const std::string_view part = bytes_.substr(position_, size);
    position_ += size;
    return part;
  }
  unsigned char opcode() {
    opcode_at_ = position_;
    return static_cast<unsigned char>(take(1)[0]);
  }
  uint64_t number(int width) {
    const std::string_view part = take(static_cast<uint64_t>(width));
    uint64_t value = 0;
    for (int i = width - 1; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(part[i]);
    return value;
  }
  std::string_view line() {
    const size_t end = bytes_.find('\n', position_);
    if (end == std::string_view::npos) fail("a name without end");
    const std::string_view part = take(end - position_);
    ++position_;
    return part;
  }

 private:
  std::string_view bytes_;
  const Fail& fail_;
  size_t position_ = 0, opcode_at_ = 0;
};

}  // namespace flam::pickle
