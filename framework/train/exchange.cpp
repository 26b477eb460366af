#include "framework/train/exchange.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "framework/base/text.h"

namespace flam {

namespace {

using Json = nlohmann::json;

// Gradients go through one buffer of so many numbers. Smaller exchanges would take more round trips, and a
// larger buffer more memory.
constexpr int64_t kMostAtOnce = int64_t{1} << 24;

/// "NAME is VALUE for rank 0 and VALUE for rank N" of the first setting that differs.
std::string first_difference(const std::string& first, const std::string& own, int64_t rank) {
  const Json a = Json::parse(first, nullptr, /*allow_exceptions=*/false);
  const Json b = Json::parse(own, nullptr, /*allow_exceptions=*/false);
  if (!a.is_structured() || !b.is_structured()) return "their settings differ";
  const Json in_first = a.flatten(), in_own = b.flatten();
  const auto value = [](const Json& in, const std::string& name) {
    return in.contains(name) ? printable(in[name].dump(), 60) : std::string("nothing");
  };
  for (const Json* names : {&in_own, &in_first}) {
    for (const auto& [name, unused] : names->items()) {
      if (value(in_first, name) == value(in_own, name)) continue;
      std::string dotted = name.substr(std::min<size_t>(name.size(), 1));
      std::ranges::replace(dotted, '/', '.');
      return cat(printable(dotted, 100), " is ", value(in_first, name), " for rank 0 and ",
                 value(in_own, name), " for rank ", rank);
    }
  }
  return "their settings differ";
}

}  // namespace

std::pair<int64_t, int64_t> Exchange::part_of(int64_t count) const {
  return {count * rank() / processes(), count * (rank() + 1) / processes()};
}

void Exchange::sum(const at::Tensor& numbers) {
  if (is_shared()) collectives_->sum(numbers);
}

void Exchange::sum(const std::vector<TrainedTensor>& tensors, const at::Tensor& numbers) {
  if (!is_shared()) return;
  const at::NoGradGuard no_grad;
  // How many processes have a gradient of each tensor; most often all or none.
  const auto count = std::ssize(tensors);
  const at::Tensor header = at::zeros({count + numbers.numel()}, at::kDouble);
  auto* has = header.mutable_data_ptr<double>();
  int64_t all = 0;
  for (const TrainedTensor& tensor : tensors) {
    *has++ = tensor.base.value.grad().defined() ? 1 : 0;
    all += tensor.base.value.numel();
  }
  header.narrow(0, count, numbers.numel()).copy_(numbers);
  collectives_->sum(header);
  numbers.copy_(header.narrow(0, count, numbers.numel()));

  const at::Tensor buffer = at::empty({std::min(all, kMostAtOnce)}, at::kFloat);
  std::vector<std::pair<at::Tensor, at::Tensor>>
      waiting;  // parts of gradients, and their places in the buffer
  int64_t used = 0;
  const auto flush = [&] {
    if (used > 0) collectives_->sum(buffer.narrow(0, 0, used));
    for (const auto& [gradient, place] : waiting) gradient.copy_(place);
    waiting.clear();
    used = 0;
  };
  has = header.mutable_data_ptr<double>();
  for (const TrainedTensor& tensor : tensors) {
    if (*has++ == 0) continue;
    at::Tensor& gradient = tensor.base.value.mutable_grad();
    gradient = gradient.defined() ? gradient.contiguous() : at::zeros_like(tensor.base.value);
    const at::Tensor flat = gradient.view({-1});
    for (int64_t begin = 0; begin < flat.numel();) {
      if (used == buffer.numel()) flush();
      const int64_t size = std::min(flat.numel() - begin, buffer.numel() - used);
      waiting.emplace_back(flat.narrow(0, begin, size), buffer.narrow(0, used, size));
      waiting.back().second.copy_(waiting.back().first);
      begin += size;
      used += size;
    }
  }
  flush();
}

void Exchange::share(const std::vector<at::Tensor>& tensors) {
  if (!is_shared()) return;
  const at::NoGradGuard no_grad;
  for (const at::Tensor& tensor : tensors) {
    const at::Tensor on_host = tensor.detach().cpu().contiguous();
    collectives_->broadcast(on_host);
    if (!is_first() && !on_host.is_alias_of(tensor)) tensor.copy_(on_host);
  }
}

void require_same_settings(Group& group, const std::string& settings, const Group::Cancelled& cancelled) {
  if (group.is_first()) {
    group.store().set("train/settings", settings);
    return;
  }
  const std::string first = group.wait_for("train/settings", cancelled);
  if (first == settings) return;
  throw Error(cat("the processes were not started alike: ", first_difference(first, settings, group.rank())));
}

}  // namespace flam
