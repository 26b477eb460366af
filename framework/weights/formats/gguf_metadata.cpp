#include <bit>

#include "framework/weights/formats/gguf.h"
#include "framework/weights/formats/gguf_cursor.h"

namespace flam {

namespace {

static_assert(std::endian::native == std::endian::little);

constexpr uint64_t kLongestKey = 65535;  // the format's limit
constexpr uint64_t kMostKeys = 1 << 16;
constexpr uint64_t kNoLimit = UINT64_MAX;

struct TypeInfo {
  const char* name;
  size_t width;  // bytes; 0: not of a fixed width
};
constexpr TypeInfo kTypes[] = {{"uint8", 1},  {"int8", 1},    {"uint16", 2}, {"int16", 2},  {"uint32", 4},
                               {"int32", 4},  {"float32", 4}, {"bool", 1},   {"string", 0}, {"array", 0},
                               {"uint64", 8}, {"int64", 8},   {"float64", 8}};

const TypeInfo& info(GgufType type) {
  return kTypes[static_cast<size_t>(type)];
}

GgufType read_type(GgufCursor& cursor, const std::string& what) {
  const auto type = cursor.number<uint32_t>(what);
  if (type >= std::size(kTypes)) cursor.fail(cat(what, " has the unknown type ", type));
  return static_cast<GgufType>(type);
}

template <class T>
T number_at(std::string_view bytes, size_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof value, sizeof value);
  return value;
}

/// A number of a type of fixed width; `bytes` begins with it.
GgufValue scalar(GgufType type, std::string_view bytes, size_t index) {
  switch (type) {
    case GgufType::uint8:
      return int64_t{number_at<uint8_t>(bytes, index)};
    case GgufType::int8:
      return int64_t{number_at<int8_t>(bytes, index)};
    case GgufType::uint16:
      return int64_t{number_at<uint16_t>(bytes, index)};
    case GgufType::int16:
      return int64_t{number_at<int16_t>(bytes, index)};
    case GgufType::uint32:
      return int64_t{number_at<uint32_t>(bytes, index)};
    case GgufType::int32:
      return int64_t{number_at<int32_t>(bytes, index)};
    case GgufType::float32:
      return double{number_at<float>(bytes, index)};
    case GgufType::boolean:
      return number_at<uint8_t>(bytes, index) != 0;
    case GgufType::float64:
      return number_at<double>(bytes, index);
    default:  // uint64 and int64; read_value() refuses what needs 64 bits without a sign
      return number_at<int64_t>(bytes, index);
  }
}

GgufArray read_array(GgufCursor& cursor, const std::string& what) {
  GgufArray array;
  array.type = read_type(cursor, what);
  array.count = cursor.number<uint64_t>(what);
  if (array.type == GgufType::array) cursor.fail(cat(what, " is an array of arrays, which is not supported"));
  const size_t begin = cursor.at(), width = info(array.type).width;
  const size_t least = width == 0 ? sizeof(uint64_t) : width;  // the length of a text comes first
  if (array.count > cursor.left() / least) {
    cursor.fail(cat(what, " states ", array.count, " elements, the file has ", cursor.left(),
                    " bytes left: is it truncated?"));
  }
  if (width == 0) {
    for (uint64_t i = 0; i < array.count; ++i) cursor.text(kNoLimit, what);
    array.bytes = cursor.since(begin);
  } else {
    array.bytes = cursor.take(array.count * width, what);
  }
  return array;
}

GgufValue read_value(GgufCursor& cursor, GgufType type, const std::string& what) {
  if (type == GgufType::string) return cursor.text(kNoLimit, what);
  if (type == GgufType::array) return read_array(cursor, what);
  const std::string_view bytes = cursor.take(info(type).width, what);
  if (type == GgufType::uint64 && number_at<uint64_t>(bytes, 0) > INT64_MAX)
    cursor.fail(cat(what, " is ", number_at<uint64_t>(bytes, 0), ", which needs more than 63 bits"));
  return scalar(type, bytes, 0);
}

void check_version(GgufCursor& cursor) {
  const auto version = cursor.number<uint32_t>("the version");
  if ((version & 0xffff) == 0 && version != 0)
    cursor.fail("the file is big-endian; convert it with gguf_convert_endian.py of llama.cpp");
  if (version != 2 && version != 3) cursor.fail(cat("the file is of version ", version, "; expected 2 or 3"));
}

}  // namespace

GgufMetadata::GgufMetadata(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {
  GgufCursor cursor(*file_, 0);
  if (cursor.take(4, "the magic") != "GGUF") cursor.fail("the file does not begin with 'GGUF'");
  check_version(cursor);
  tensor_count_ = cursor.number<uint64_t>("the number of tensors");
  const auto count = cursor.number<uint64_t>("the number of keys");
  if (count > kMostKeys)
    cursor.fail(cat("the header states ", count, " keys; at most ", kMostKeys, " are allowed"));
  for (uint64_t i = 0; i < count; ++i) {
    const std::string_view key = cursor.text(kLongestKey, cat("the name of key ", i));
    const std::string what = "the key " + quoted(key);
    const GgufType type = read_type(cursor, what);
    if (!values_.emplace(key, read_value(cursor, type, what)).second) cursor.fail(what + " occurs twice");
  }
  end_ = cursor.at();
  if (const auto parts = integer("split.count"); parts.value_or(1) > 1) {
    refuse(cat("the file is part ", integer("split.no").value_or(0) + 1, " of ", *parts,
               " of a split model; join the parts: llama-gguf-split --merge FIRST_PART NEW_FILE"));
  }
}

void GgufMetadata::refuse(const std::string& why) const {
  flam::refuse(*file_, "GGUF: " + why);
}

template <class T>
const T* GgufMetadata::find(std::string_view key, const char* expected) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return nullptr;
  const T* value = std::get_if<T>(&found->second);
  if (!value) refuse(cat("the key ", quoted(key), " is not ", expected));
  return value;
}

std::optional<std::string_view> GgufMetadata::text(std::string_view key) const {
  const auto* value = find<std::string_view>(key, "a text");
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<int64_t> GgufMetadata::integer(std::string_view key) const {
  const auto* value = find<int64_t>(key, "a whole number");
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<bool> GgufMetadata::flag(std::string_view key) const {
  const auto* value = find<bool>(key, "a bool");
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::vector<std::string_view>> GgufMetadata::texts(std::string_view key) const {
  const auto* array = find<GgufArray>(key, "an array");
  if (!array) return std::nullopt;
  if (array->type != GgufType::string)
    refuse(cat("the key ", quoted(key), " is an array of ", info(array->type).name, ", expected texts"));
  std::vector<std::string_view> out;
  out.reserve(array->count);
  std::string_view rest = array->bytes;
  for (uint64_t i = 0; i < array->count; ++i) {
    const auto length = number_at<uint64_t>(rest, 0);
    out.push_back(rest.substr(sizeof length, length));
    rest.remove_prefix(sizeof length + length);
  }
  return out;
}

std::optional<std::vector<double>> GgufMetadata::numbers(std::string_view key) const {
  const auto* array = find<GgufArray>(key, "an array");
  if (!array) return std::nullopt;
  if (array->type == GgufType::string || array->type == GgufType::boolean)
    refuse(cat("the key ", quoted(key), " is an array of ", info(array->type).name, ", expected numbers"));
  std::vector<double> out;
  out.reserve(array->count);
  for (uint64_t i = 0; i < array->count; ++i) {
    const GgufValue value = scalar(array->type, array->bytes, i);
    const auto* whole = std::get_if<int64_t>(&value);
    out.push_back(whole ? static_cast<double>(*whole) : std::get<double>(value));
  }
  return out;
}

}  // namespace flam
