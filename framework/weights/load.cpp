#include "framework/weights/load.h"

#include <algorithm>

#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/weights/allocate.h"
#include "framework/weights/load_plan.h"
#include "framework/weights/quantize_weights.h"
#include "framework/weights/upload.h"

namespace flam {

namespace {

/// Copies `source` over rows [first, first + rows) of `target`, converting dtype and device.
void copy_rows(const at::Tensor& target, int64_t first, int64_t rows, const at::Tensor& source) {
  const at::Tensor place = target.dim() == 0 ? target : target.narrow(0, first, rows);
  upload(place, source);
}

/// Whether the mapped tensor can be used as the weight without a copy.
bool usable_as_it_is(const at::Tensor& source, at::Device device, at::ScalarType dtype) {
  return device.is_cpu() && source.scalar_type() == dtype && source.is_contiguous();
}

void fill_missing_rows(WeightSlot& slot, int64_t rows, uint64_t seed) {
  WeightStore::initialise_rows(slot, rows, seed);
  log_warn(cat("the file gives ", rows, " of the ", slot.shape[0], " rows of ", slot.name, "; the other ",
               slot.shape[0] - rows, " keep their initial values"));
}

/// The number of rows that a vocabulary tensor has in the file beyond those declared.
int64_t padding_rows(const WeightSlot& slot, const at::Tensor& whole) {
  return slot.vocabulary && whole.defined() ? std::max<int64_t>(0, whole.size(0) - slot.shape[0]) : 0;
}

void mention_padding(const WeightStore& store) {
  std::vector<std::string> padded;
  for (const auto& slot : store.slots()) {
    if (slot->padding_rows > 0)
      padded.push_back(cat(slot->name, " (", slot->tensor_shape()[0], " rows, ", slot->shape[0], " tokens)"));
  }
  if (padded.empty()) return;
  log_debug(cat("padding rows after those of the tokenizer's tokens: ", join(padded, ", "),
                ". They count in log-probabilities; generation.suppress_padded_vocab says "
                "whether they may be generated"));
}

void take_scheme(WeightSlot& slot, const QuantScheme& scheme, int64_t rows) {
  slot.scheme = scheme;
  slot.padding_rows = rows - slot.shape[0];
  unstack_rows(slot);
}

/// Uses the quantised matrix of a file as it is.
void use_quantized(WeightSlot& slot, const Source& source, const LoadPlan& plan, at::Device device) {
  const QuantizedMatrix matrix = plan.quantized[source.file].matrix(*plan.files[source.file], source.key);
  slot.origins = {plan.origin(source)};
  take_scheme(slot, matrix.scheme, matrix.rows());
  slot.quantized = std::make_shared<const QuantizedMatrix>(device.is_cpu() ? matrix : matrix.to(device));
}

void fill(WeightSlot& slot, const Filling& filling, const LoadPlan& plan, at::Device device,
          at::ScalarType dtype, uint64_t seed, bool writable) {
  if (filling.whole && plan.is_quantized(*filling.whole))
    return use_quantized(slot, *filling.whole, plan, device);
  bool partly = false;
  for (const auto& part : filling.parts) partly |= part.has_value();
  at::Tensor whole = filling.whole ? plan.tensor(*filling.whole) : at::Tensor();
  slot.origins.clear();
  if (filling.whole) slot.origins.push_back(plan.origin(*filling.whole));
  slot.padding_rows = padding_rows(slot, whole);
  const std::vector<int64_t> shape = slot.tensor_shape();
  const int64_t rows = shape.empty() ? 1 : shape[0];
  const bool short_of_rows = whole.defined() && whole.numel() < slot.numel();
  const at::Device target = device;
  if (slot.scheme) {  // the numbers of one tensor at a time
    if (whole.defined() && !partly && !short_of_rows) return store_quantized(slot, whole, device);
    dtype = at::kFloat;
    device = at::kCPU;
  }
  if (whole.defined() && !partly && !short_of_rows && !writable && usable_as_it_is(whole, device, dtype)) {
    slot.tensor = whole.view(shape);
    return;
  }
  slot.tensor = allocate(slot, device, dtype);
  if (whole.defined()) copy_rows(slot.tensor, 0, short_of_rows ? whole.size(0) : rows, whole);
  int64_t first = 0;
  for (size_t i = 0; i < filling.parts.size(); first += slot.parts[i++]) {
    if (!filling.parts[i]) continue;
    copy_rows(slot.tensor, first, slot.parts[i], plan.tensor(*filling.parts[i]));
    slot.origins.push_back(plan.origin(*filling.parts[i]));
  }
  if (short_of_rows) fill_missing_rows(slot, whole.size(0), seed);
  if (slot.scheme) store_quantized(slot, at::Tensor(slot.tensor), target);
}

}  // namespace

LoadReport load_weights(WeightStore& store, const WeightsConfig& config, const NamingLookup& namings,
                        at::Device device, at::ScalarType dtype, uint64_t seed) {
  const LoadPlan plan = plan_loading(store, config, namings);
  int64_t done = 0;
  for (const auto& slot : store.slots()) {
    if (const auto filling = plan.fillings.find(slot.get()); filling != plan.fillings.end()) {
      fill(*slot, filling->second, plan, device, dtype, seed, config.writable);
    } else {  // only where config.may_lack
      initialise_slot(*slot, device, dtype, seed);
    }
    if (store.progress) store.progress(++done, std::ssize(store.slots()));
  }
  mention_padding(store);
  return {plan.left_out};
}

bool take_schemes(WeightStore& store, const WeightsConfig& config, const NamingLookup& namings) {
  const LoadPlan plan = plan_loading(store, config, namings);
  bool any = false;
  for (const auto& slot : store.slots()) {
    const auto filling = plan.fillings.find(slot.get());
    if (filling == plan.fillings.end() || !filling->second.whole ||
        !plan.is_quantized(*filling->second.whole))
      continue;
    const Source& source = *filling->second.whole;
    const QuantizedFile& file = plan.quantized[source.file];
    take_scheme(*slot, *file.scheme(source.key), file.shape(*plan.files[source.file], source.key)[0]);
    any = true;
  }
  return any;
}

}  // namespace flam
