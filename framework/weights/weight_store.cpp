#include "framework/weights/weight_store.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <numeric>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/device/huge_pages.h"
#include "framework/device/meta_kernels.h"
#include "framework/weights/allocate.h"
#include "framework/weights/quantized_matrix.h"

namespace flam {

int64_t WeightSlot::numel() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

std::vector<int64_t> WeightSlot::tensor_shape() const {
  std::vector<int64_t> with_padding = shape;
  if (padding_rows > 0) with_padding[0] += padding_rows;
  return with_padding;
}

/// Slots whose rows lie one after the other.
struct WeightStack {
  std::vector<WeightSlot*> slots;
  at::Tensor room;  // from the allocation of the first slot to that of the last

  at::Tensor rows_of(const WeightSlot& slot, at::TensorOptions options) {
    int64_t all = 0, first = 0;
    for (const WeightSlot* each : slots) {
      if (each == &slot) first = all;
      all += each->shape[0];
    }
    std::vector<int64_t> shape = slot.shape;
    shape[0] = all;
    if (!room.defined() || room.device() != options.device() || room.dtype() != options.dtype())
      room = empty_in_huge_pages(shape, options);
    // Not a view, so that in training each tensor counts its changes for itself.
    at::Tensor rows = room.narrow(0, first, slot.shape[0]).variable_data();
    if (&slot == slots.back()) room.reset();
    return rows;
  }
};

void stack_rows(const std::vector<Weight>& weights) {
  const auto stack = std::make_shared<WeightStack>();
  for (const Weight& weight : weights) {
    stack->slots.push_back(weight.slot().get());
    weight.slot()->stack = stack;
  }
}

void unstack_rows(WeightSlot& slot) {
  const std::shared_ptr<WeightStack> stack = std::move(slot.stack);
  if (!stack) return;
  for (WeightSlot* const each : stack->slots) each->stack.reset();
}

at::Tensor allocate(const WeightSlot& slot, at::Device device, at::ScalarType dtype) {
  try {
    if (slot.stack) return slot.stack->rows_of(slot, at::device(device).dtype(dtype));
    return empty_in_huge_pages(slot.tensor_shape(), at::device(device).dtype(dtype));
  } catch (const std::exception&) {
    throw RunError(cat("no memory for tensor ", quoted(slot.name), " ", at::IntArrayRef(slot.shape), ": ",
                       slot.numel() * static_cast<int64_t>(c10::elementSize(dtype)), " bytes on ",
                       device.str(), " were refused"));
  }
}

std::shared_ptr<WeightSlot>& WeightStore::claim(const std::string& name) {
  auto& slot = by_name_[name];
  if (slot) throw Error(cat("the tensor ", quoted(name), " is declared twice"));
  return slot;
}

Weight WeightStore::declare(const std::string& name, std::vector<int64_t> shape, Init init) {
  constexpr int64_t kMost = int64_t{1} << 56;  // elements of one tensor
  int64_t numel = 1;
  for (const int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(numel, size, &numel) || numel > kMost) {
      throw Error(cat("the tensor ", quoted(name), " has the impossible shape ", at::IntArrayRef(shape)));
    }
  }
  if ((init.fan != Init::Fan::none || init.kind == Init::Kind::orthogonal) && shape.size() < 2) {
    throw Error(cat("the tensor ", quoted(name), " of shape ", at::IntArrayRef(shape),
                    " cannot begin with xavier, kaiming or orthogonal values, which need at least two "
                    "dimensions; use Init::normal or Init::uniform"));
  }
  register_meta_kernels();
  auto& slot = claim(name);
  slot = std::make_shared<WeightSlot>();
  slot->name = name;
  slot->shape = std::move(shape);
  slot->init = init;
  slot->tensor = at::empty(slot->shape, at::device(at::kMeta).dtype(at::kFloat));
  slots_.push_back(slot);
  return Weight(slot);
}

Weight WeightStore::tie(const std::string& name, const Weight& target) {
  if (!target) weight_is_undeclared();
  claim(name) = target.slot();
  target.slot()->aliases.push_back(name);
  return target;
}

std::shared_ptr<WeightSlot> WeightStore::find(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<const MappedFile>> WeightStore::files() const {
  std::vector<std::shared_ptr<const MappedFile>> files;
  for (const auto& slot : slots_) {
    for (const WeightOrigin& origin : slot->origins) files.push_back(origin.file);
  }
  const auto path = [](const auto& file) -> const std::filesystem::path& { return file->path(); };
  std::ranges::sort(files, {}, path);
  // Not std::ranges::unique: clang 14 can't compile it with libstdc++ 12.
  const auto same = [&](const auto& a, const auto& b) { return path(a) == path(b); };
  files.erase(std::unique(files.begin(), files.end(), same), files.end());
  return files;
}

void weight_is_undeclared() {
  throw RunError(
      "uses a weight or a layer that was never declared; make it in the constructor, from the WeightScope "
      "(weights.tensor(\"scale\", …), Linear(weights, \"proj\", …))");
}

void weight_is_quantized(const WeightSlot& slot) {
  throw RunError(cat("reads the numbers of ", quoted(slot.name),
                     ", which are quantised; only Linear layers can use them. Leave this tensor out of "
                     "weights.quantize (docs/quantization.md)"));
}

int64_t WeightStore::parameter_count(const std::string& prefix) const {
  int64_t count = 0;
  for (const auto& slot : slots_) {
    const bool inside = prefix.empty() || slot->name == prefix || slot->name.starts_with(prefix + ".");
    if (inside && !slot->statistic && __builtin_add_overflow(count, slot->numel(), &count))
      throw Error("the model would have more than 2^63 parameters; make its sizes smaller");
  }
  return count;
}

void WeightStore::to(at::Device device, at::ScalarType dtype) {
  for (const auto& slot : slots_) {
    if (slot->quantized)
      slot->quantized = std::make_shared<const QuantizedMatrix>(slot->quantized->to(device));
    if (slot->tensor.is_meta()) continue;
    const at::ScalarType wanted = slot->tensor.is_floating_point() ? dtype : slot->tensor.scalar_type();
    if (slot->tensor.device() == device && slot->tensor.scalar_type() == wanted) continue;
    slot->tensor = allocate(*slot, device, wanted).copy_(slot->tensor);
  }
}

WeightScope WeightScope::scope(const std::string& name) const {
  return {*store_, full(name)};
}

std::string WeightScope::full(const std::string& name) const {
  return prefix_.empty() ? name : cat(prefix_, ".", name);
}

Weight WeightScope::tensor(const std::string& name, std::vector<int64_t> shape, Init init) const {
  return store_->declare(full(name), std::move(shape), init);
}

Weight WeightScope::statistic(const std::string& name, std::vector<int64_t> shape, Init init) const {
  Weight weight = tensor(name, std::move(shape), init);
  weight.slot()->statistic = true;
  return weight;
}

Weight WeightScope::vocabulary(const std::string& name, std::vector<int64_t> shape, Init init,
                               std::optional<Init> missing_rows) const {
  Weight weight = tensor(name, std::move(shape), init);
  weight.slot()->vocabulary = true;
  weight.slot()->missing_rows = missing_rows;
  return weight;
}

Weight WeightScope::fused(const std::string& name, std::vector<int64_t> shape, std::vector<int64_t> parts,
                          Init init) const {
  const int64_t rows = std::accumulate(parts.begin(), parts.end(), int64_t{0});
  if (shape.empty() || rows != shape[0]) {
    throw Error(cat("the parts ", at::IntArrayRef(parts), " of the fused tensor ", quoted(full(name)),
                    " do not add up to the rows of ", at::IntArrayRef(shape)));
  }
  Weight weight = tensor(name, std::move(shape), init);
  weight.slot()->parts = std::move(parts);
  return weight;
}

Weight WeightScope::tie(const std::string& name, const Weight& target) const {
  return store_->tie(full(name), target);
}

}  // namespace flam
