#pragma once
// Writes GGUF files, also wrong ones.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace flam::test {

/// Each method appends to the header, whose counts are those of the calls unless they are set.
class GgufFile {
 public:
  enum Type : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

  template <class T>
  static std::string plain(T value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
  }
  static std::string text(std::string_view value) {
    return plain<uint64_t>(value.size()) + std::string(value);
  }

  /// A key with the bytes of its value.
  GgufFile& key(std::string_view name, uint32_t type, const std::string& bytes) {
    keys += text(name) + plain(type) + bytes;
    ++key_count;
    return *this;
  }
  GgufFile& key(std::string_view name, std::string_view value) { return key(name, string, text(value)); }
  GgufFile& key(std::string_view name, const char* value) { return key(name, std::string_view(value)); }
  GgufFile& key(std::string_view name, uint32_t value) { return key(name, u32, plain(value)); }
  GgufFile& key(std::string_view name, float value) { return key(name, f32, plain(value)); }
  GgufFile& key(std::string_view name, bool value) { return key(name, boolean, plain(value)); }
  GgufFile& key(std::string_view name, const std::vector<std::string>& values) {
    std::string bytes = plain<uint32_t>(string) + plain<uint64_t>(values.size());
    for (const std::string& value : values) bytes += text(value);
    return key(name, array, bytes);
  }
  GgufFile& key(std::string_view name, const std::vector<int32_t>& values) {
    return numbers(name, i32, values);
  }
  GgufFile& key(std::string_view name, const std::vector<float>& values) {
    return numbers(name, f32, values);
  }

  /// A tensor behind the ones before. `dims`: the fastest first. `type`: its number in ggml.h.
  GgufFile& tensor(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type,
                   const std::string& bytes) {
    data.resize((data.size() + alignment - 1) / alignment * alignment);
    table_entry(name, dims, type, data.size());
    data += bytes;
    return *this;
  }
  GgufFile& tensor(std::string_view name, const std::vector<uint64_t>& dims,
                   const std::vector<float>& values) {
    return tensor(name, dims, 0,
                  {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
  }
  /// A row of the table of tensors, without data.
  GgufFile& table_entry(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type,
                        uint64_t offset) {
    table += text(name) + plain(static_cast<uint32_t>(dims.size()));
    for (const uint64_t dim : dims) table += plain(dim);
    table += plain(type) + plain(offset);
    ++tensor_count;
    return *this;
  }

  std::string bytes() const {
    std::string out = "GGUF" + plain(version) + plain(tensor_count) + plain(key_count) + keys + table;
    if (tensor_count > 0) out.resize((out.size() + alignment - 1) / alignment * alignment);
    return out + data;
  }

  uint32_t version = 3;
  uint64_t tensor_count = 0, key_count = 0, alignment = 32;
  std::string keys, table, data;

 private:
  template <class T>
  GgufFile& numbers(std::string_view name, uint32_t type, const std::vector<T>& values) {
    std::string bytes = plain(type) + plain<uint64_t>(values.size());
    for (const T value : values) bytes += plain(value);
    return key(name, array, bytes);
  }
};

}  // namespace flam::test
