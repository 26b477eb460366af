#include "framework/weights/formats/state_dicts.h"

#include <algorithm>
#include <array>

#include "framework/base/text.h"

namespace flam {

namespace {

constexpr int kDeepest = 4;
constexpr size_t kLongestWrapper =
    100;  // bytes; limited because the name of each tensor holds a copy of the key
constexpr std::array<std::string_view, 5> kUsual = {"state_dict", "model_state_dict", "model", "module",
                                                    "net"};

class Finder {
 public:
  explicit Finder(const pickle::Pickle& data) : data_(data), visited_(data.objects.size()) {}

  /// Returns the state dicts in the object `id`, with wrappers relative to it.
  std::vector<StateDict> find(pickle::Id id, int depth) {
    const pickle::Dict* dict = data_.dict(id);
    if (!dict || visited_[id] || depth > kDeepest) return {};
    visited_[id] = true;  // a pickle may refer to one dict any number of times
    StateDict own;
    std::vector<StateDict> inner;
    bool usual = false, only_numbers = true;
    for (const auto& [key, value] : dict->items) {
      const std::string_view* name = data_.text(key);
      if (!name) continue;
      if (const auto* tensor = std::get_if<pickle::Tensor>(&data_.objects[value].value)) {
        own.tensors.emplace_back(*name, tensor);
        only_numbers &= tensor->sizes.empty();
      } else if (!name->starts_with("optim") && name->size() <= kLongestWrapper) {
        for (StateDict& found : find(value, depth + 1)) {
          usual |= std::find(kUsual.begin(), kUsual.end(), *name) != kUsual.end();
          found.wrapper = found.wrapper.empty() ? *name : cat(*name, ".", found.wrapper);
          inner.push_back(std::move(found));
        }
      }
    }
    if (own.tensors.empty() || (!inner.empty() && (usual || only_numbers))) return inner;
    inner.clear();
    inner.push_back(std::move(own));
    return inner;
  }

 private:
  const pickle::Pickle& data_;
  std::vector<bool> visited_;
};

}  // namespace

std::vector<StateDict> find_state_dicts(const pickle::Pickle& data) {
  std::vector<StateDict> dicts = Finder(data).find(data.root, 0);
  std::sort(dicts.begin(), dicts.end(),
            [](const StateDict& a, const StateDict& b) { return a.wrapper < b.wrapper; });
  return dicts;
}

}  // namespace flam
