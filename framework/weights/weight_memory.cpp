#include "framework/weights/weight_memory.h"

#include <algorithm>
#include <limits>

#include "framework/base/text.h"
#include "framework/device/dtype.h"
#include "framework/device/free_memory.h"
#include "framework/weights/load_plan.h"
#include "framework/weights/quantize_weights.h"
#include "framework/weights/quantized_matrix.h"

namespace flam {

namespace {

/// The largest number if the sum is larger: a config may declare weights beyond all bounds.
void add(int64_t& sum, int64_t more) {
  if (__builtin_add_overflow(sum, more, &sum)) sum = std::numeric_limits<int64_t>::max();
}

/// As it is stored, but on the meta device.
at::Tensor stored(const LoadPlan& plan, const Source& source) {
  const at::Tensor tensor = plan.files[source.file]->meta_tensor(source.key);
  return source.rule ? arranged(tensor, *source.rule, source.parts) : tensor;
}

WeightMemory memory_of(const WeightSlot& slot, const Filling& filling, const LoadPlan& plan,
                       at::Device device, at::ScalarType dtype, bool writable) {
  WeightMemory memory;
  if (filling.whole && plan.is_quantized(*filling.whole)) {  // used where it lies
    const QuantizedFile& quantized = plan.quantized[filling.whole->file];
    const auto shape = quantized.shape(*plan.files[filling.whole->file], filling.whole->key);
    memory.mapped = quantized_bytes(*quantized.scheme(filling.whole->key), shape[0], shape[1]);
    if (!device.is_cpu()) memory.allocated = memory.mapped;
    return memory;
  }
  bool copied = writable || !device.is_cpu() || slot.scheme;
  const auto read = [&](const std::optional<Source>& source) {
    if (!source) return;
    const at::Tensor tensor = stored(plan, *source);
    const Checkpoint& file = *plan.files[source->file];
    const Checkpoint::Stored in_file = file.stored(source->key);
    const int64_t all = file.meta_tensor(source->key).numel();  // a rule may take a part of them
    memory.mapped += tensor.numel() == all ? in_file.bytes
                                           : static_cast<int64_t>(static_cast<double>(in_file.bytes) /
                                                                  static_cast<double>(all) *
                                                                  static_cast<double>(tensor.numel()));
    copied |= !in_file.is_view || tensor.scalar_type() != dtype || !tensor.is_contiguous() ||
              tensor.numel() < slot.numel();
  };
  read(filling.whole);
  for (const auto& part : filling.parts) {
    read(part);
    copied |= part.has_value();
  }
  if (!copied) return memory;
  const int64_t rows = slot.shape.empty() ? 1 : std::max<int64_t>(slot.shape[0], 1);
  memory.allocated = stored_bytes(slot, dtype);
  if (filling.whole && slot.vocabulary) {  // rows of the file beyond those of the slot are loaded too
    const int64_t padding = stored(plan, *filling.whole).size(0) - rows;
    memory.allocated += std::max<int64_t>(padding, 0) * (stored_bytes(slot, dtype) / rows);
  }
  return memory;
}

}  // namespace

WeightMemory memory_of_weights(const WeightStore& store, const WeightsConfig* files,
                               const NamingLookup& namings, at::Device device, at::ScalarType dtype) {
  WeightMemory sum;
  const LoadPlan plan = files ? plan_loading(store, *files, namings) : LoadPlan();
  for (const auto& slot : store.slots()) {
    const auto filling = plan.fillings.find(slot.get());
    if (filling == plan.fillings.end()) {
      add(sum.allocated, stored_bytes(*slot, dtype));
      continue;
    }
    const WeightMemory memory = memory_of(*slot, filling->second, plan, device, dtype, files->writable);
    add(sum.allocated, memory.allocated);
    add(sum.mapped, memory.mapped);
  }
  return sum;
}

void require_memory_for_weights(const WeightStore& store, const WeightsConfig* files,
                                const NamingLookup& namings, at::Device device, at::ScalarType dtype,
                                int64_t more, const char* what_more) {
  const int64_t room = allocatable_memory(device);
  // Which values are copied is only found out if it matters, because that takes opening the files.
  int64_t weights = memory_of_weights(store, nullptr, namings, device, dtype).allocated;
  if (weights <= room - more) return;
  if (files) weights = memory_of_weights(store, files, namings, device, dtype).allocated;
  if (weights <= room - more) return;
  std::string advice;
  const bool can_halve = c10::elementSize(dtype) > 2;
  if (can_halve && more == 0) {
    advice = cat(weights / 2 <= room ? "--dtype bfloat16 would fit, with " : "--dtype bfloat16 still needs ",
                 bytes_text(weights / 2), "; ");
  }
  throw Error(cat("the weights need ", bytes_text(weights), " of memory in ", dtype_name(dtype),
                  more > 0 ? cat(", and ", what_more, " ", bytes_text(more) + " more") : "", ", but only ",
                  bytes_text(room), device.is_cpu() ? " (with swap)" : "", " can be had on ", device.str(),
                  "; ", advice, "use a smaller model or a device with more memory, or end other programs"));
}

}  // namespace flam
