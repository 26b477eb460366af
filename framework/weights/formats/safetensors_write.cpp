#include <algorithm>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/weights/checkpoint.h"
#include "framework/weights/formats/safetensors_types.h"

namespace flam {

namespace {
std::string_view type_name(const std::string& name, at::ScalarType dtype) {
  for (const auto& [known, candidate] : kSafetensorsTypes) {
    if (candidate == dtype) return known;
  }
  throw Error(
      cat("tensor ", quoted(name), " of dtype ", c10::toString(dtype), " cannot be written as safetensors"));
}
}  // namespace

void write_safetensors(const std::filesystem::path& path,
                       const std::vector<std::pair<std::string, at::Tensor>>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  auto ordered =
      tensors;  // the widest elements come first, so that each tensor is aligned to its element size
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    return a.second.element_size() > b.second.element_size();
  });
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  size_t position = 0;
  for (const auto& [name, tensor] : ordered) {
    if (header.contains(name)) throw Error(cat("tensor ", quoted(name), " is given twice"));
    const size_t end = position + tensor.nbytes();
    header[name] = {{"dtype", type_name(name, tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {position, end}}};
    position = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 8 + 63) / 64 * 64 - 8, ' ');
  const uint64_t length = text.size();

  AtomicFile file(path);
  file.write({reinterpret_cast<const char*>(&length), sizeof length});
  file.write(text);
  for (const auto& [name, tensor] : ordered) {
    const at::Tensor host = tensor.to(at::kCPU).contiguous();
    file.write({static_cast<const char*>(host.const_data_ptr()), host.nbytes()});
  }
  file.commit();
}

}  // namespace flam
