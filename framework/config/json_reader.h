#pragma once
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <string>

#include "framework/config/value.h"

namespace flam {

/// The maximum size of a JSON file; the tokenizer.json of a large vocabulary has a quarter of it.
inline constexpr size_t kMaxJsonBytes = size_t{64} << 20;

/// Parses one JSON document (RFC 8259); its values and keys know their places. Whole numbers beyond 64 bits
/// become floats. Error with file:line:column: it is not JSON, not UTF-8, nested more than 32 levels deep, or
/// an object has a key twice.
FLAM_API Value parse_json(std::string_view text, const std::string& file_name);

/// Reads and parses a JSON file. Error: as above, or as in read_file().
FLAM_API Value read_json(const std::filesystem::path& file, size_t limit = kMaxJsonBytes);

/// Characters of a text, for a parser that reads them one after the other, and how many of them it has read.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, size_t* count) : at_(at), count_(count) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    ++*count_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  size_t* count_;
};

/// What is wrong with a text, without the parts of nlohmann's message that name its own types and places:
/// "[…] parse error at line 1, column 2: syntax error while parsing value - invalid literal; last read: 'v'".
FLAM_API std::string json_problem(const std::string& message);

}  // namespace flam
