#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>

#include "framework/base/text.h"
#include "framework/weights/formats/formats.h"

namespace flam {

Checkpoint::~Checkpoint() = default;

const std::vector<std::string>& Checkpoint::wrappers() const {
  static const std::vector<std::string> none;
  return none;
}

void refuse(const MappedFile& file, const std::string& why) {
  throw Error(cat(printable(file.path().string(), 1000), ": ", why));
}

int64_t checked_numel(const std::vector<int64_t>& shape) {
  int64_t numel = 1;
  bool overflow = false, empty = false;
  for (const int64_t size : shape) {  // a size of 0 counts as 1, because strides are products too
    empty |= size == 0;
    overflow |= size < 0 || __builtin_mul_overflow(numel, std::max<int64_t>(size, 1), &numel);
  }
  return overflow ? -1 : empty ? 0 : numel;
}

namespace {
/// The number of elements from the first to the last one of a tensor.
int64_t elements_spanned(const StoredTensor& tensor) {
  if (tensor.strides.empty()) return checked_numel(tensor.shape);
  int64_t last = 0;
  for (size_t i = 0; i < tensor.shape.size(); ++i) last += (tensor.shape[i] - 1) * tensor.strides[i];
  return last + 1;
}

bool is_aligned(const StoredTensor& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.data) % c10::elementSize(tensor.dtype) == 0;
}

at::Tensor decoded(const StoredTensor& stored) {
  constexpr int64_t kGrain = 1 << 15;  // elements
  const BlockFormat& format = *stored.blocks;
  at::Tensor out = at::empty(stored.shape, at::kFloat);
  auto* values = out.mutable_data_ptr<float>();
  const auto* bytes = reinterpret_cast<const uint8_t*>(stored.data);
  at::parallel_for(0, out.numel() / format.elements, kGrain / format.elements,
                   [&](int64_t begin, int64_t end) {
                     for (int64_t i = begin; i < end; ++i)
                       format.decode(bytes + i * format.bytes, values + i * format.elements);
                   });
  return out;
}
}  // namespace

MappedCheckpoint::MappedCheckpoint(std::shared_ptr<const MappedFile> file,
                                   std::map<std::string, StoredTensor> tensors,
                                   std::map<std::string, std::string> metadata,
                                   std::vector<std::string> wrappers)
    : file_(std::move(file)),
      tensors_(std::move(tensors)),
      metadata_(std::move(metadata)),
      wrappers_(std::move(wrappers)) {
  for (const auto& [name, tensor] : tensors_) names_.push_back(name);
}

const StoredTensor& MappedCheckpoint::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end())
    refuse(*file_, cat("holds no tensor ", quoted(name), did_you_mean(name, names_)));
  return found->second;
}

Checkpoint::Stored MappedCheckpoint::stored(const std::string& name) const {
  const StoredTensor& found = find(name);
  const int64_t numel = checked_numel(found.shape);
  if (found.blocks) return {numel / found.blocks->elements * found.blocks->bytes, false};
  const auto width = static_cast<int64_t>(c10::elementSize(found.dtype));
  return {numel * width, is_aligned(found)};
}

at::Tensor MappedCheckpoint::tensor(const std::string& name) const {
  const StoredTensor& stored = find(name);
  if (stored.blocks) return decoded(stored);
  // The mapping is never written to, because weights are copied before they are trained.
  auto* data = const_cast<std::byte*>(stored.data);
  const auto keep_mapped = [file = file_](void*) {};
  const auto width = static_cast<int64_t>(c10::elementSize(stored.dtype));
  if (!is_aligned(stored)) {
    const at::Tensor bytes =
        at::from_blob(data, {elements_spanned(stored) * width}, keep_mapped, at::dtype(at::kByte)).clone();
    const at::Tensor elements = bytes.view(stored.dtype);
    return stored.strides.empty() ? elements.view(stored.shape)
                                  : elements.as_strided(stored.shape, stored.strides);
  }
  return stored.strides.empty()
             ? at::from_blob(data, stored.shape, keep_mapped, at::dtype(stored.dtype))
             : at::from_blob(data, stored.shape, stored.strides, keep_mapped, at::dtype(stored.dtype));
}

at::Tensor MappedCheckpoint::meta_tensor(const std::string& name) const {
  const StoredTensor& stored = find(name);
  return at::empty(stored.shape, at::dtype(stored.dtype).device(at::kMeta));
}

std::shared_ptr<const MappedFile> MappedCheckpoint::file_of(const std::string& name) const {
  find(name);
  return file_;
}

}  // namespace flam
