#include "framework/commands/convert/published_names.h"

#include <ATen/ops/cat.h>

#include <algorithm>
#include <map>
#include <optional>

#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/weights/naming_rule.h"

namespace flam {

namespace {

/// The file's name for the component's own `name` under a rule; nothing if the rule is not for it, or its
/// pattern does not say which name.
std::optional<std::string> published_name(const NameRule& rule, const std::string& name) {
  if (rule.to.empty() || rule.from.find('*') != std::string::npos) return std::nullopt;
  NameRule reverse;
  reverse.from = rule.to;
  reverse.to = rule.from;
  NameMatch match;
  if (!match_rule(reverse, name, match)) return std::nullopt;
  return match.to;
}

at::Tensor interleaved(const at::Tensor& tensor, int64_t heads) {
  return tensor.reshape({heads, 2, tensor.size(0) / heads / 2, -1}).transpose(1, 2).reshape(tensor.sizes());
}

at::Tensor by_head(const at::Tensor& tensor, int64_t heads, int64_t parts) {
  return tensor.reshape({parts, heads, tensor.size(0) / heads / parts, -1})
      .transpose(0, 1)
      .reshape(tensor.sizes());
}

/// A tensor of the file while its slices are gathered.
struct Gathered {
  const NameRule* rule;
  std::vector<at::Tensor> slices;
  size_t parts;  // of the fused tensor that it is
};

class Publisher {
 public:
  Publisher(const std::string& component, const NamingTable& table) : component_(component), table_(table) {}

  void add(const WeightSlot& slot) {
    const std::string name = slot.name.substr(component_.size() + 1);
    if (add_whole(name, slot)) return;
    int64_t first = 0;
    for (size_t part = 0; part < slot.parts.size(); first += slot.parts[part++]) {
      const at::Tensor rows = slot.tensor.narrow(0, first, slot.parts[part]);
      const bool named = std::ranges::any_of(table_.rules, [&](const NameRule& rule) {
        const auto published = published_name(rule, name);
        return published && rule.part == static_cast<int>(part) && put(*published, rule, rows, 0);
      });
      if (!named) fail(slot);
    }
    if (slot.parts.empty()) fail(slot);
  }

  std::vector<std::pair<std::string, at::Tensor>> finish() const {
    std::vector<std::pair<std::string, at::Tensor>> out;
    for (const auto& [name, gathered] : tensors_) {
      const NameRule& rule = *gathered.rule;
      if (std::ranges::any_of(gathered.slices, [](const at::Tensor& slice) { return !slice.defined(); })) {
        throw Error(cat("the naming ", quoted(table_.name), " makes ", quoted(name), " of ", rule.slices,
                        " tensors of the ", component_, ", and not all of them are written"));
      }
      at::Tensor tensor = gathered.slices.size() == 1 ? gathered.slices.front() : at::cat(gathered.slices);
      const int64_t parts = rule.slices > 0 ? rule.slices : static_cast<int64_t>(gathered.parts);
      if (rule.parts_of_heads > 0 && parts > 0) tensor = by_head(tensor, rule.parts_of_heads, parts);
      if (rule.transposed && tensor.dim() == 2) tensor = tensor.t().contiguous();
      out.emplace_back(name, tensor);
    }
    return out;
  }

 private:
  bool add_whole(const std::string& name, const WeightSlot& slot) {
    return std::ranges::any_of(table_.rules, [&](const NameRule& rule) {
      const auto published = published_name(rule, name);
      return published && rule.part < 0 && put(*published, rule, slot.tensor, slot.parts.size());
    });
  }

  /// Returns false if another tensor has taken the name.
  bool put(const std::string& published, const NameRule& rule, const at::Tensor& tensor, size_t parts) {
    const auto count = static_cast<size_t>(std::max<int64_t>(rule.slices, 1));
    Gathered& place =
        tensors_.try_emplace(published, Gathered{&rule, std::vector<at::Tensor>(count), parts}).first->second;
    at::Tensor& slice = place.slices.at(static_cast<size_t>(rule.slice));
    if (slice.defined()) return false;
    slice = rule.interleaved_heads > 0 ? interleaved(tensor, rule.interleaved_heads) : tensor;
    return true;
  }

  [[noreturn]] void fail(const WeightSlot& slot) const {
    throw Error(cat("the naming ", quoted(table_.name), " of the ", component_, " has no name for ",
                    quoted(slot.name), "; leave it out with --only, or use the names of this framework"));
  }

  const std::string& component_;
  const NamingTable& table_;
  std::map<std::string, Gathered> tensors_;
};

}  // namespace

std::vector<std::pair<std::string, at::Tensor>> published_tensors(std::span<WeightSlot* const> slots,
                                                                  const std::string& component,
                                                                  const NamingTable& table) {
  Publisher publisher(component, table);
  for (const WeightSlot* slot : slots) publisher.add(*slot);
  return publisher.finish();
}

}  // namespace flam
