#include "framework/weights/formats/torch_file.h"

#include "framework/base/text.h"
#include "framework/weights/formats/state_dicts.h"

namespace flam {

namespace {

constexpr size_t kMostDicts = 100;

StoredTensor locate(const MappedFile& file, std::string_view name, const pickle::Tensor& tensor,
                    std::string_view bytes) {
  const auto fail = [&](const char* why) {
    refuse(file, cat("tensor ", quoted(name), " of sizes ", at::IntArrayRef(tensor.sizes), ", strides ",
                     at::IntArrayRef(tensor.strides), " and offset ", tensor.offset, " ", why));
  };
  const auto width = static_cast<int64_t>(c10::elementSize(tensor.storage.dtype));
  const int64_t count = static_cast<int64_t>(bytes.size()) / width;
  if (tensor.sizes.size() != tensor.strides.size()) fail("is malformed");
  const int64_t numel = checked_numel(tensor.sizes);
  if (numel < 0 || numel > count) fail("is larger than its storage");
  int64_t last = tensor.offset;
  bool overflow = tensor.offset < 0;
  for (size_t i = 0; i < tensor.sizes.size() && numel > 0; ++i) {
    int64_t reach = 0;
    overflow |= tensor.strides[i] < 0 ||
                __builtin_mul_overflow(tensor.sizes[i] - 1, tensor.strides[i], &reach) ||
                __builtin_add_overflow(last, reach, &last);
  }
  if (overflow || (numel > 0 ? last >= count : last > count)) fail("reaches outside its storage");
  StoredTensor stored{tensor.storage.dtype, tensor.sizes, tensor.strides, nullptr};
  if (numel == 0) stored.strides.clear();
  stored.data = reinterpret_cast<const std::byte*>(bytes.data()) + tensor.offset * width;
  return stored;
}

}  // namespace

std::unique_ptr<Checkpoint> read_state_dicts(std::shared_ptr<const MappedFile> file,
                                             const pickle::Pickle& data, const StorageBytes& storage_bytes) {
  const std::vector<StateDict> dicts = find_state_dicts(data);
  if (dicts.empty())
    refuse(*file, "holds no dict of tensors, neither at the top level of its pickle nor inside");
  if (dicts.size() > kMostDicts)
    refuse(*file, cat("holds ", dicts.size(), " dicts of tensors; at most ", kMostDicts, " are taken"));
  std::map<std::string, StoredTensor> tensors;
  std::vector<std::string> wrappers;
  for (const StateDict& dict : dicts) {
    if (!dict.wrapper.empty()) wrappers.push_back(dict.wrapper);
    const std::string prefix = dicts.size() > 1 ? dict.wrapper + "." : "";
    for (const auto& [name, tensor] : dict.tensors) {
      StoredTensor stored = locate(*file, name, *tensor, storage_bytes(name, tensor->storage));
      if (!tensors.emplace(cat(prefix, name), std::move(stored)).second)
        refuse(*file, cat("the tensor ", quoted(cat(prefix, name)), " occurs twice"));
    }
  }
  return std::make_unique<MappedCheckpoint>(std::move(file), std::move(tensors),
                                            std::map<std::string, std::string>{}, std::move(wrappers));
}

}  // namespace flam
