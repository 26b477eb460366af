// safetensors: 8 bytes header length, a JSON header {name: {dtype, shape, data_offsets}}, then the bytes. The
// checks are those of the format's reference implementation (github.com/huggingface/safetensors, README
// "Format").

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "framework/base/text.h"
#include "framework/weights/formats/formats.h"
#include "framework/weights/formats/safetensors_types.h"

namespace flam {

namespace {

constexpr uint64_t kMaxHeader = 100'000'000;

struct Entry {
  std::string name;
  std::optional<at::ScalarType> dtype;
  std::vector<int64_t> shape;
  std::vector<int64_t> offsets;
};

/// Reads the header without building a JSON tree, so that the memory is proportional to the number of
/// tensors.
class HeaderReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(const MappedFile& file) : file_(file) {}
  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;

  bool key(std::string& name) override {
    auto& known = depth_ == 1 ? names_ : fields_;
    if (!known.insert(name).second) fail(cat("the key ", quoted(name), " occurs twice"));
    if (depth_ == 1) {
      in_metadata_ = name == "__metadata__";
      if (!in_metadata_) entries.push_back({name, {}, {}, {}});
    } else if (!in_metadata_ && name != "dtype" && name != "shape" && name != "data_offsets") {
      fail(cat("tensor ", quoted(entries.back().name), " has the unknown field ", quoted(name)));
    }
    field_ = name;
    return true;
  }
  bool start_object(size_t) override {
    if (++depth_ > 2) fail("objects are nested too deeply");
    fields_.clear();
    return true;
  }
  bool end_object() override {
    if (depth_-- == 2 && !in_metadata_ && fields_.size() != 3) {
      fail(cat("tensor ", quoted(entries.back().name), " lacks one of dtype, shape, data_offsets"));
    }
    return true;
  }
  bool start_array(size_t) override {
    if (depth_ != 2 || in_metadata_ || in_array_ || field_ == "dtype")
      fail("a list stands where none belongs");
    in_array_ = true;
    return true;
  }
  bool end_array() override {
    in_array_ = false;
    return true;
  }
  bool string(std::string& text) override {
    if (depth_ == 2 && in_metadata_) {
      metadata[field_] = text;
    } else if (depth_ == 2 && !in_array_ && field_ == "dtype") {
      entries.back().dtype = safetensors_dtype(text);
      if (!entries.back().dtype)
        fail(cat("tensor ", quoted(entries.back().name), " has the unsupported dtype ", quoted(text)));
    } else {
      fail(cat("the text ", quoted(text), " stands where none belongs"));
    }
    return true;
  }
  bool number_unsigned(uint64_t number) override {
    if (!in_array_ || number > INT64_MAX)
      fail(cat("the number ", number, " stands where none belongs or is too large"));
    auto& list = field_ == "shape" ? entries.back().shape : entries.back().offsets;
    if (list.size() >= 64)
      fail(cat("tensor ", quoted(entries.back().name), " has more than 64 dimensions or offsets"));
    list.push_back(static_cast<int64_t>(number));
    return true;
  }
  bool number_integer(int64_t number) override { fail(cat("the number ", number, " is negative")); }
  bool number_float(double number, const std::string&) override {
    fail(cat("the number ", number, " is no integer"));
  }
  bool null() override { fail("null stands where none belongs"); }
  bool boolean(bool) override { fail("a boolean stands where none belongs"); }
  bool binary(nlohmann::json::binary_t&) override { fail("binary data"); }
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception& error) override {
    fail(cat("not JSON at byte ", position, ": ", printable(error.what())));
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { refuse(file_, cat("safetensors header: ", why)); }

  const MappedFile& file_;
  int depth_ = 0;
  bool in_metadata_ = false;
  bool in_array_ = false;
  std::string field_;
  std::set<std::string> names_;  // not a hash table, because a file could choose names that collide
  std::set<std::string> fields_;
};

/// Checks that the tensors cover the data area from its first byte to its last, without overlaps or holes.
void check_offsets(const MappedFile& file, std::vector<Entry>& entries, size_t data_size) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.offsets < b.offsets; });
  int64_t position = 0;
  for (const Entry& entry : entries) {
    const auto fail = [&](const std::string& why) {
      refuse(file, cat("safetensors header: tensor ", quoted(entry.name), " ", why));
    };
    if (entry.offsets.size() != 2) fail("needs two data_offsets");
    const int64_t begin = entry.offsets[0], end = entry.offsets[1];
    if (begin != position)
      fail(cat("starts at byte ", begin, " of the data, expected ", position, " (overlap or hole)"));
    const int64_t numel = checked_numel(entry.shape);
    int64_t bytes = 0;
    if (numel < 0 ||
        __builtin_mul_overflow(numel, static_cast<int64_t>(c10::elementSize(*entry.dtype)), &bytes)) {
      fail("has a shape whose product overflows");
    }
    if (end - begin != bytes) {
      fail(cat("spans ", end - begin, " bytes, its shape ", at::IntArrayRef(entry.shape), " and dtype need ",
               bytes));
    }
    if (static_cast<uint64_t>(end) > data_size)
      fail(cat("ends at byte ", end, " of the data, the file holds ", data_size, ": is it truncated?"));
    position = end;
  }
  if (static_cast<size_t>(position) != data_size) {
    refuse(file,
           cat("safetensors: ", data_size - static_cast<size_t>(position), " bytes after the last tensor"));
  }
}

}  // namespace

std::unique_ptr<Checkpoint> read_safetensors(std::shared_ptr<const MappedFile> file) {
  const std::string_view bytes = file->bytes();
  uint64_t length = 0;
  if (bytes.size() < 9) refuse(*file, cat("safetensors: ", bytes.size(), " bytes are too few for a header"));
  std::memcpy(&length, bytes.data(), 8);
  if (length > kMaxHeader)
    refuse(*file, cat("safetensors: a header of ", length, " bytes; at most ", kMaxHeader, " are taken"));
  if (length > bytes.size() - 8) {
    refuse(*file, cat("safetensors: a header of ", length, " bytes in a file of ", bytes.size(),
                      ": is it truncated?"));
  }
  const std::string_view header = bytes.substr(8, length);
  if (!header.starts_with('{')) refuse(*file, "safetensors: the header does not start with '{'");
  HeaderReader reader(*file);
  nlohmann::json::sax_parse(header.begin(), header.end(), &reader);
  check_offsets(*file, reader.entries, bytes.size() - 8 - length);

  std::map<std::string, StoredTensor> tensors;
  for (Entry& entry : reader.entries) {
    const std::byte* data = file->data() + 8 + length + entry.offsets[0];
    tensors.emplace(std::move(entry.name), StoredTensor{*entry.dtype, std::move(entry.shape), {}, data});
  }
  return std::make_unique<MappedCheckpoint>(std::move(file), std::move(tensors), std::move(reader.metadata));
}

}  // namespace flam
