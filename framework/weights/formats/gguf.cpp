// The tensors of a GGUF file. After the metadata comes a table of names, dimensions (the fastest first),
// types and offsets, then the data, in which each tensor begins at a multiple of the alignment.

#include "framework/weights/formats/gguf.h"

#include <algorithm>
#include <bit>
#include <set>

#include "framework/weights/formats/gguf_blocks.h"
#include "framework/weights/formats/gguf_cursor.h"

namespace flam {

namespace {

constexpr uint64_t kLongestName = 256;  // llama.cpp takes 63 bytes
constexpr uint32_t kMostDimensions = 4;
constexpr uint64_t kMostTensors = 1 << 16;
constexpr int64_t kUsualAlignment = 32;

struct Entry {
  std::string name;
  const GgufTensorType* type = nullptr;
  std::vector<int64_t> shape;
  int64_t bytes = 0;
  uint64_t offset = 0;
};

std::vector<int64_t> read_shape(GgufCursor& cursor, const std::string& what) {
  const auto count = cursor.number<uint32_t>(what);
  if (count > kMostDimensions)
    cursor.fail(cat(what, " has ", count, " dimensions; at most ", kMostDimensions, " are allowed"));
  std::vector<int64_t> shape;
  for (uint32_t i = 0; i < count; ++i) {
    const auto size = cursor.number<uint64_t>(what);
    if (size > INT64_MAX) cursor.fail(cat(what, " has a dimension of ", size));
    shape.insert(shape.begin(), static_cast<int64_t>(size));
  }
  return shape;
}

/// The bytes that the tensor needs.
int64_t size_of(const Entry& entry, const GgufCursor& cursor, const std::string& what) {
  const BlockFormat& blocks = entry.type->blocks;
  const int64_t row = entry.shape.empty() ? 1 : entry.shape.back();
  if (row % blocks.elements != 0) {
    cursor.fail(cat(what, " has rows of ", row, " elements; for the type ", blocks.name,
                    " they must be a multiple of ", blocks.elements));
  }
  const int64_t numel = checked_numel(entry.shape);
  int64_t bytes = 0;
  if (numel < 0 || __builtin_mul_overflow(numel / blocks.elements, blocks.bytes, &bytes))
    cursor.fail(what + " has a shape whose product overflows");
  return bytes;
}

Entry read_entry(GgufCursor& cursor, uint64_t index) {
  Entry entry;
  entry.name = cursor.text(kLongestName, cat("the name of tensor ", index));
  const std::string what = "tensor " + quoted(entry.name);
  entry.shape = read_shape(cursor, what);
  const auto type = cursor.number<uint32_t>(what);
  entry.type = gguf_tensor_type(type);
  if (!entry.type) {
    cursor.fail(cat(what, " has the type ", gguf_tensor_type_name(type),
                    ", which is not supported; supported: ", supported_gguf_tensor_types()));
  }
  entry.bytes = size_of(entry, cursor, what);
  entry.offset = cursor.number<uint64_t>(what);
  return entry;
}

int64_t alignment_of(const GgufMetadata& metadata) {
  const int64_t alignment = metadata.integer("general.alignment").value_or(kUsualAlignment);
  if (alignment <= 0 || alignment > INT32_MAX || !std::has_single_bit(static_cast<uint64_t>(alignment)))
    metadata.refuse(cat("general.alignment is ", alignment, ", expected a power of two"));
  return alignment;
}

uint64_t aligned(uint64_t position, int64_t alignment) {
  const auto mask = static_cast<uint64_t>(alignment) - 1;
  return (position + mask) & ~mask;
}

/// Checks that the tensors follow one another, each at the next multiple of the alignment, within the data.
void check_offsets(const GgufMetadata& metadata, std::vector<Entry>& entries, int64_t alignment,
                   uint64_t data_size) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.offset, a.bytes) < std::pair(b.offset, b.bytes);
  });
  uint64_t position = 0;
  for (const Entry& entry : entries) {
    const std::string what = "tensor " + quoted(entry.name);
    if (entry.offset != position) {
      metadata.refuse(cat(what, " starts at byte ", entry.offset, " of the data, expected ", position,
                          " (overlap, hole, or not a multiple of the alignment ", alignment, ")"));
    }
    if (position > data_size || static_cast<uint64_t>(entry.bytes) > data_size - position) {
      metadata.refuse(cat(what, " needs ", entry.bytes, " bytes from byte ", position,
                          " of the data on, which has ", data_size, ": is the file truncated?"));
    }
    position = aligned(position + static_cast<uint64_t>(entry.bytes), alignment);
  }
}

std::map<std::string, std::string> as_texts(const GgufMetadata& metadata) {
  struct Write {
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(int64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const { return cat(value); }
    std::string operator()(std::string_view value) const { return std::string(value); }
    std::string operator()(const GgufArray&) const { return ""; }
  };
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : metadata.values()) {
    if (!std::holds_alternative<GgufArray>(value)) out.emplace(key, std::visit(Write(), value));
  }
  return out;
}

}  // namespace

std::unique_ptr<Checkpoint> read_gguf(std::shared_ptr<const MappedFile> file) {
  const GgufMetadata metadata(file);
  if (metadata.tensor_count() > kMostTensors) {
    metadata.refuse(cat("the header states ", metadata.tensor_count(), " tensors; at most ", kMostTensors,
                        " are allowed"));
  }
  GgufCursor cursor(*file, metadata.end());
  std::vector<Entry> entries;
  std::set<std::string> names;
  for (uint64_t i = 0; i < metadata.tensor_count(); ++i) {
    entries.push_back(read_entry(cursor, i));
    if (!names.insert(entries.back().name).second)
      metadata.refuse(cat("the name ", quoted(entries.back().name), " belongs to two tensors"));
  }
  const int64_t alignment = alignment_of(metadata);
  const uint64_t begin = std::min<uint64_t>(aligned(cursor.at(), alignment), file->size());
  check_offsets(metadata, entries, alignment, file->size() - begin);

  std::map<std::string, StoredTensor> tensors;
  for (Entry& entry : entries) {
    const BlockFormat* blocks = entry.type->blocks.decode ? &entry.type->blocks : nullptr;
    tensors.emplace(
        std::move(entry.name),
        StoredTensor{
            entry.type->dtype, std::move(entry.shape), {}, file->data() + begin + entry.offset, blocks});
  }
  return std::make_unique<MappedCheckpoint>(std::move(file), std::move(tensors), as_texts(metadata));
}

}  // namespace flam
