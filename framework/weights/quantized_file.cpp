#include "framework/weights/quantized_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/weights/quantize_config.h"

namespace flam {

namespace {

constexpr const char* kVersionKey = "flamboyance.quantization";
constexpr const char* kSchemesKey = "flamboyance.quantized";
constexpr const char* kVersion = "1";
constexpr const char* kScales = ".scales";

[[noreturn]] void fail(const Checkpoint& file, const std::string& why) {
  const std::string path =
      file.names().empty() ? "" : printable(file.file_of(file.names().front())->path().string(), 1000) + ": ";
  throw Error(cat(path, why, "; write the file again with `flam quantize`"));
}

void check(const Checkpoint& file, const std::string& name, at::ScalarType dtype,
           const std::vector<int64_t>& shape) {
  const at::Tensor found = file.meta_tensor(name);
  if (found.scalar_type() == dtype && found.sizes() == at::IntArrayRef(shape)) return;
  fail(file, cat("tensor ", quoted(name), " is ", c10::toString(found.scalar_type()), " ", found.sizes(),
                 ", expected ", c10::toString(dtype), " ", at::IntArrayRef(shape)));
}

/// Error: the tensors do not have the form of the scheme.
void check_matrix(const Checkpoint& file, const std::string& name, const QuantScheme& scheme) {
  for (const std::string& wanted : {name, name + kScales}) {
    if (!std::ranges::binary_search(file.names(), wanted))
      fail(file, cat("it lacks the tensor ", quoted(wanted), " of a matrix that is ", scheme_name(scheme)));
  }
  const at::Tensor values = file.meta_tensor(name);
  if (values.dim() != 2 || values.size(1) == 0)
    fail(file, cat("tensor ", quoted(name), " is ", values.sizes(), ", expected a matrix"));
  const int64_t rows = values.size(0);
  if (scheme.type == QuantScheme::Type::int8) {
    check(file, name, at::kChar, values.sizes().vec());
    check(file, name + kScales, at::kFloat, {rows});
    return;
  }
  const int64_t columns = 2 * values.size(1), groups = std::max<int64_t>(columns / scheme.group_size, 1);
  check(file, name, at::kByte, {rows, groups * scheme.group_size / 2});
  check(file, name + kScales, at::kBFloat16, {rows, groups});
}

}  // namespace

QuantizedFile QuantizedFile::read(const Checkpoint& file) {
  QuantizedFile out;
  const auto metadata = file.metadata();
  const auto version = metadata.find(kVersionKey);
  if (version == metadata.end()) return out;
  if (version->second != kVersion)
    fail(file, cat("its matrices are quantised in version ", quoted(version->second),
                   " of the form, but this program reads version ", kVersion));
  const auto listed = metadata.find(kSchemesKey);
  const auto schemes = nlohmann::json::parse(listed == metadata.end() ? "" : listed->second, nullptr, false);
  if (!schemes.is_object()) fail(file, cat("its metadata ", kSchemesKey, " are no JSON object"));
  for (const auto& [name, scheme] : schemes.items()) {
    try {
      out.schemes_[name] = parse_scheme(scheme.is_string() ? scheme.get<std::string>() : scheme.dump());
    } catch (const Error& error) {
      fail(file, cat("tensor ", quoted(name), ": ", error.what()));
    }
    check_matrix(file, name, out.schemes_[name]);
  }
  return out;
}

bool QuantizedFile::is_scales(const std::string& key) const {
  return key.ends_with(kScales) && scheme(key.substr(0, key.size() - std::string_view(kScales).size()));
}

const QuantScheme* QuantizedFile::scheme(const std::string& key) const {
  const auto found = schemes_.find(key);
  return found == schemes_.end() ? nullptr : &found->second;
}

std::vector<int64_t> QuantizedFile::shape(const Checkpoint& file, const std::string& key) const {
  const at::Tensor values = file.meta_tensor(key);
  const bool int8 = scheme(key)->type == QuantScheme::Type::int8;
  return {values.size(0), int8 ? values.size(1) : 2 * values.size(1)};
}

QuantizedMatrix QuantizedFile::matrix(const Checkpoint& file, const std::string& key) const {
  const at::Tensor scales = file.tensor(key + kScales);
  if (!scales.isfinite().all().item<bool>())
    fail(file, cat("tensor ", quoted(key + kScales), " has numbers that are not finite"));
  return {*scheme(key), file.tensor(key), scales};
}

QuantizedTensors quantized_tensors(const WeightStore& store) {
  QuantizedTensors out;
  nlohmann::ordered_json schemes = nlohmann::ordered_json::object();
  for (const auto& slot : store.slots()) {
    if (!slot->quantized) {
      out.tensors.emplace_back(slot->name, slot->tensor);
      continue;
    }
    schemes[slot->name] = scheme_name(slot->quantized->scheme);
    out.tensors.emplace_back(slot->name, slot->quantized->values);
    out.tensors.emplace_back(slot->name + kScales, slot->quantized->scales);
  }
  out.metadata = {{kVersionKey, kVersion}, {kSchemesKey, schemes.dump()}};
  return out;
}

}  // namespace flam
