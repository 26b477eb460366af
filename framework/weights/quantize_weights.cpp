#include "framework/weights/quantize_weights.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/weights/naming.h"
#include "framework/weights/quantized_matrix.h"

namespace flam {

namespace {

constexpr size_t kMostListed = 5;

bool is_free_matrix(const WeightSlot& slot) {
  return slot.matrix && slot.shape.size() == 2 && slot.aliases.empty();
}

bool matches(const QuantizeRule& rule, const WeightSlot& slot) {
  return std::ranges::any_of(rule.tensors,
                             [&](const std::string& pattern) { return match_pattern(pattern, slot.name); });
}

/// Error: a pattern of the user matches nothing that can be quantised. The default patterns may.
void require_matches(const WeightStore& store, const QuantizeConfig& config) {
  const QuantizeConfig defaults = QuantizeConfig::of("int8");
  for (const QuantizeRule& rule : config.rules) {
    if (rule.tensors == defaults.rules.front().tensors) continue;
    for (const std::string& pattern : rule.tensors) {
      bool matrix = false, other = false;
      for (const auto& slot : store.slots()) {
        if (match_pattern(pattern, slot->name)) (is_free_matrix(*slot) ? matrix : other) = true;
      }
      if (matrix) continue;
      throw Error(
          rule.where,
          cat("weights.quantize: the pattern ", quoted(pattern),
              other ? " matches only tensors that are no matrix of a linear layer, or are tied to an "
                      "embedding, so they are not quantised; remove it"
                    : " matches no tensor of the model (`flam describe CONFIG --tensors` lists them)"));
    }
  }
}

}  // namespace

std::vector<NotQuantized> choose_schemes(WeightStore& store, const QuantizeConfig& config) {
  require_matches(store, config);
  std::vector<NotQuantized> left;
  for (const auto& slot : store.slots()) {
    slot->scheme.reset();
    if (!is_free_matrix(*slot)) continue;
    const auto rule =
        std::ranges::find_if(config.rules, [&](const QuantizeRule& each) { return matches(each, *slot); });
    if (rule == config.rules.end() || !rule->scheme) continue;
    if (!can_quantize(*rule->scheme, slot->shape[1])) {
      left.push_back({slot->name, cat(slot->shape[1], " columns, which are no whole groups of ",
                                      rule->scheme->group_size)});
      continue;
    }
    slot->scheme = rule->scheme;
    unstack_rows(*slot);
  }
  return left;
}

void refuse_quantized(const QuantizeConfig& config, const std::string& why) {
  if (!config.wanted()) return;
  throw Error(config.rules.front().where, cat("weights.quantize asks for quantised matrices, but ", why,
                                              "; leave it out with --set weights.quantize=none"));
}

void warn_of(const std::vector<NotQuantized>& matrices) {
  if (matrices.empty()) return;
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(matrices.size(), kMostListed); ++i)
    names.push_back(cat(matrices[i].name, " (", matrices[i].reason, ")"));
  if (matrices.size() > kMostListed) names.push_back(cat("and ", matrices.size() - kMostListed, " more"));
  log_warn(cat(matrices.size(), matrices.size() == 1 ? " matrix" : " matrices",
               " cannot be quantised as asked and ",
               matrices.size() == 1 ? "keeps its numbers" : "keep their numbers", ": ", join(names, ", ")));
}

void store_quantized(WeightSlot& slot, const at::Tensor& numbers, at::Device device) {
  const QuantizedMatrix matrix = quantize(numbers.reshape(slot.tensor_shape()), *slot.scheme, slot.name);
  slot.quantized = std::make_shared<const QuantizedMatrix>(device.is_cpu() ? matrix : matrix.to(device));
  slot.tensor = at::empty(slot.tensor_shape(), at::device(at::kMeta).dtype(at::kFloat));
}

int64_t stored_bytes(const WeightSlot& slot, at::ScalarType dtype) {
  const std::vector<int64_t> shape = slot.tensor_shape();
  if (slot.scheme) return quantized_bytes(*slot.scheme, shape[0], shape[1]);
  int64_t numbers = 1;
  for (const int64_t size : shape) numbers *= size;
  return numbers * static_cast<int64_t>(c10::elementSize(dtype));
}

std::vector<at::Tensor> stored_tensors(const WeightSlot& slot) {
  if (slot.quantized) return {slot.quantized->values, slot.quantized->scales};
  return {slot.tensor};
}

}  // namespace flam
