#include "framework/commands/convert/published_names.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>

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

/// Where the component's rows under a rule are in a file's tensor of `rows` rows: what arranged() takes.
at::Tensor rows_in_file(int64_t rows, NameRule rule, size_t parts) {
  rule.transposed = false;
  return arranged(at::arange(rows, at::kLong).view({rows, 1}), rule, parts).flatten();
}

bool moves_rows(const NameRule& rule) {
  return rule.slices > 0 || rule.parts_of_heads > 0 || rule.interleaved_heads > 0;
}

/// A tensor of the file while its slices are gathered; it has one if it is not sliced.
struct Gathered {
  struct Slice {
    const NameRule* rule = nullptr;
    at::Tensor tensor;
  };
  std::vector<Slice> slices;
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
      for (const Gathered::Slice& slice : gathered.slices) {
        if (slice.tensor.defined()) continue;
        throw Error(cat("the naming ", quoted(table_.name), " makes ", quoted(name), " of ",
                        gathered.slices.size(), " tensors of the ", component_,
                        ", and not all of them are written"));
      }
      out.emplace_back(name, in_file_order(gathered));
    }
    return out;
  }

 private:
  static at::Tensor in_file_order(const Gathered& gathered) {
    const auto& [rule, first] = gathered.slices.front();
    at::Tensor tensor = first;
    if (moves_rows(*rule)) {
      std::vector<int64_t> shape = first.sizes().vec();
      shape[0] *= std::ssize(gathered.slices);
      tensor = at::empty(shape, first.options());
      for (const Gathered::Slice& slice : gathered.slices)
        tensor.index_copy_(0, rows_in_file(shape[0], *slice.rule, gathered.parts), slice.tensor);
    }
    return rule->transposed && tensor.dim() == 2 ? tensor.t().contiguous() : tensor;
  }

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
        tensors_.try_emplace(published, Gathered{std::vector<Gathered::Slice>(count), parts}).first->second;
    Gathered::Slice& slice = place.slices.at(static_cast<size_t>(rule.slice));
    if (slice.tensor.defined()) return false;
    slice = {&rule, tensor};
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
