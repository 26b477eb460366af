#pragma once
// GGUF, the format of llama.cpp (github.com/ggml-org/ggml, docs/gguf.md): metadata, which hold the sizes of a
// model and its tokenizer, and tensors, most of them quantised.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "framework/base/export.h"

namespace flam {

class MappedFile;

/// The types of metadata, with their numbers in a file.
enum class GgufType : uint32_t {
  uint8,
  int8,
  uint16,
  int16,
  uint32,
  int32,
  float32,
  boolean,
  string,
  array,
  uint64,
  int64,
  float64
};

/// A list of numbers or texts inside the mapping.
struct GgufArray {
  GgufType type = GgufType::uint8;  // of the elements, never an array
  uint64_t count = 0;
  std::string_view bytes;  // as in the file; checked to hold `count` elements
};
using GgufValue = std::variant<bool, int64_t, double, std::string_view, GgufArray>;

/// The metadata of a GGUF file. Texts are views of the mapped file.
class FLAM_API GgufMetadata {
 public:
  /// Reads version 2 or 3. Error: another version, a big-endian file, a part of a split file, a key that
  /// occurs twice, or anything that reaches beyond the end of the file.
  explicit GgufMetadata(std::shared_ptr<const MappedFile> file);

  const std::map<std::string_view, GgufValue>& values() const { return values_; }
  /// The value of a key; nothing if it is absent. Error: it is of another type.
  std::optional<std::string_view> text(std::string_view key) const;
  std::optional<int64_t> integer(std::string_view key) const;
  std::optional<bool> flag(std::string_view key) const;
  /// The elements of an array; nothing if the key is absent. Error: the elements are of another type.
  std::optional<std::vector<std::string_view>> texts(std::string_view key) const;
  std::optional<std::vector<double>> numbers(std::string_view key) const;

  /// Error that names the file.
  [[noreturn]] void refuse(const std::string& why) const;
  const std::shared_ptr<const MappedFile>& file() const { return file_; }
  uint64_t tensor_count() const { return tensor_count_; }
  size_t end() const { return end_; }  // the byte of the file behind the metadata

 private:
  template <class T>
  const T* find(std::string_view key, const char* expected) const;

  std::shared_ptr<const MappedFile> file_;
  std::map<std::string_view, GgufValue> values_;
  uint64_t tensor_count_ = 0;
  size_t end_ = 0;
};

/// Whether the bytes are those of a GGUF file.
inline bool is_gguf(std::string_view bytes) {
  return bytes.starts_with("GGUF");
}

}  // namespace flam
