#pragma once
// Builds files byte by byte, so that each can be wrong in one place.

#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "fixtures.h"

namespace flam::test {

/// Little-endian; bytes beyond the eighth are zero.
inline std::string le(uint64_t value, int width) {
  std::string bytes;
  for (int i = 0; i < width; ++i) bytes += i < 8 ? static_cast<char>(value >> (8 * i)) : '\0';
  return bytes;
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

inline void write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string safetensors(const std::string& header, const std::string& data) {
  return le(header.size(), 8) + header + data;
}

struct ForgedEntry {
  std::string name, bytes;
  int method = 0, flags = 0;
  bool wide = false;            // sizes and offset in a zip64 field
  std::string local_name = {};  // another name in the local header
};

inline std::string zip(const std::vector<ForgedEntry>& entries) {
  std::string file, directory;
  for (const ForgedEntry& entry : entries) {
    const std::string method = le(entry.flags, 2) + le(entry.method, 2) + le(0, 8);  // with time and checksum
    const std::string& local_name = entry.local_name.empty() ? entry.name : entry.local_name;
    const size_t offset = file.size();
    const size_t padding = 63 - (file.size() + 30 + local_name.size() + 63) % 64;  // data at multiples of 64
    file += "PK\3\4" + le(45, 2) + method + le(entry.bytes.size(), 4) + le(entry.bytes.size(), 4) +
            le(local_name.size(), 2) + le(padding, 2) + local_name + std::string(padding, '\0') + entry.bytes;
    const std::string extra = entry.wide ? le(1, 2) + le(24, 2) + le(entry.bytes.size(), 8) +
                                               le(entry.bytes.size(), 8) + le(offset, 8)
                                         : "";
    const auto narrow = [&](uint64_t value) { return le(entry.wide ? 0xffffffff : value, 4); };
    directory += "PK\1\2" + le(45, 2) + le(45, 2) + method + narrow(entry.bytes.size()) +
                 narrow(entry.bytes.size()) + le(entry.name.size(), 2) + le(extra.size(), 2) + le(0, 10) +
                 narrow(offset) + entry.name + extra;
  }
  const std::string end = le(0, 4) + le(entries.size(), 2) + le(entries.size(), 2) + le(directory.size(), 4) +
                          le(file.size(), 4) + le(0, 2);
  return file + directory + "PK\5\6" + end;
}

/// A torch file: the pickle and its storages "0", "1", ….
inline std::string torch_zip(const std::string& pickle, const std::vector<std::string>& storages = {}) {
  std::vector<ForgedEntry> entries{{"a/data.pkl", pickle}, {"a/byteorder", "little"}};
  for (size_t i = 0; i < storages.size(); ++i)
    entries.push_back({"a/data/" + std::to_string(i), storages[i]});
  return zip(entries);
}

// Pieces of a pickle (protocol 2).
inline std::string text(const std::string& value) {
  return "X" + le(value.size(), 4) + value;
}
inline std::string number(int64_t value) {
  return "\x8a\x08" + le(static_cast<uint64_t>(value), 8);
}
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string tuple(const std::vector<std::string>& items) {
  std::string body = "(";
  for (const auto& item : items) body += item;
  return body + "t";
}
inline std::string numbers(const std::vector<int64_t>& values) {
  std::vector<std::string> items;
  for (const int64_t value : values) items.push_back(number(value));
  return tuple(items);
}
inline std::string dict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string body = "}(";
  for (const auto& [key, value] : items) body += text(key) + value;
  return body + "u";
}
inline std::string ordered_dict() {
  return global("collections", "OrderedDict") + ")R";
}
inline std::string storage(const std::string& type, const std::string& key, int64_t count) {
  return tuple({text("storage"), global("torch", type), text(key), text("cpu"), number(count)}) + "Q";
}
inline std::string tensor(const std::string& storage, int64_t offset, const std::vector<int64_t>& sizes,
                          const std::vector<int64_t>& strides) {
  return global("torch._utils", "_rebuild_tensor_v2") +
         tuple({storage, number(offset), numbers(sizes), numbers(strides), "\x89", ordered_dict()}) + "R";
}
/// `tensor` "": without arguments. `opcode`: REDUCE or NEWOBJ.
inline std::string parameter(const std::string& tensor, const std::string& opcode) {
  return global("torch.nn.parameter", "Parameter") + "(" + tensor + "t" + opcode;
}
inline std::string pickle(const std::string& body) {
  return "\x80\x02" + body + ".";
}

/// `view`: None, or a tuple of key, offset and count.
inline std::string legacy_storage(const std::string& type, const std::string& key, int64_t count,
                                  const std::string& view = "N") {
  return tuple({text("storage"), global("torch", type), text(key), text("cpu"), number(count), view}) + "Q";
}
inline std::string list(const std::vector<std::string>& texts) {
  std::string body = "](";
  for (const auto& item : texts) body += text(item);
  return body + "e";
}

/// A legacy torch file.
struct Legacy {
  std::string body;                   // of the pickle of the data
  std::string keys = list({"0"});     // of the storages, in their order
  std::string storages;               // for each key: number of elements, bytes
  std::string version = "M\xe9\x03";  // 1001
  std::string machine = "}" + text("little_endian") + "\x88s";

  std::string bytes() const {
    return pickle("\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19") + pickle(version) + pickle(machine) + pickle(body) +
           pickle(keys) + storages;
  }
};

}  // namespace flam::test
