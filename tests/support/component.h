#pragma once
// Builds one component from its plugin, as a config would, and fills its weights.
#include <cstdlib>
#include <filesystem>

#include "framework/component/types.h"
#include "framework/config/config.h"
#include "framework/registry/registry.h"
#include "framework/weights/checkpoint.h"
#include "framework/weights/load.h"
#include "tests/support/near.h"

namespace flam {

inline std::filesystem::path golden_dir() {
  const char* set = std::getenv("FLAM_GOLDEN_DIR");
  return set && *set ? std::filesystem::path(set) : std::filesystem::path(FLAM_SOURCE_DIR "/tests/golden");
}

/// The plugins of this build tree.
inline Registry& built_plugins() {
  static Registry registry;
  static const bool scanned = (registry.scan({FLAM_BUILD_DIR "/lib/flamboyance/plugins"}), true);
  (void)scanned;
  return registry;
}

/// A component with a store of its own, its slot's kind as prefix.
template <class Slot>
class Built {
 public:
  explicit Built(const std::string& yaml, const typename Slot::Input& input = {}) {
    ErrorList errors;
    const ComponentConfig config = built_plugins().parse(Slot::kKind, parse_yaml(yaml, "test"), errors);
    errors.throw_if_any();
    WeightScope scope(store, Slot::kKind);
    component_ = built_plugins().template build<Slot>(config, input, &scope);
  }

  const Slot* operator->() const { return component_.get(); }
  const Slot& operator*() const { return *component_; }

  /// Every tensor: normal values, one scale for all. Statistics are positive.
  void fill_randomly(double scale = 0.3) {
    uint64_t seed = 100;
    for (const auto& slot : store.slots()) {
      const at::Tensor values = random(slot->shape, ++seed);
      slot->tensor = slot->statistic ? values.abs() + 0.5 : values * scale;
    }
  }

  void load(const std::vector<WeightsFile>& files) {
    WeightsConfig config;
    config.files = files;
    const NamingLookup namings = [this](const std::string& slot) {
      return slot == Slot::kKind ? &component_->naming_tables() : nullptr;
    };
    load_weights(store, config, namings, at::kCPU, at::kFloat, 1);
  }

  at::Tensor& weight(const std::string& name) {
    return store.find(std::string(Slot::kKind) + "." + name)->tensor;
  }

  void want_gradients() {
    for (const auto& slot : store.slots()) slot->tensor.set_requires_grad(!slot->statistic);
  }

  /// Every tensor that may be trained has a gradient that is not zero everywhere.
  void expect_gradients() const {
    for (const auto& slot : store.slots()) {
      if (slot->statistic) continue;
      const at::Tensor& gradient = slot->tensor.grad();
      ASSERT_TRUE(gradient.defined()) << slot->name;
      EXPECT_GT(gradient.abs().max().template item<float>(), 0) << slot->name;
    }
  }

  WeightStore store;

 private:
  std::unique_ptr<Slot> component_;
};

/// Keeps the attention weights of a call by stage and layer.
class AttentionProbe final : public Probe {
 public:
  void record(std::string_view stage, int64_t layer, const at::Tensor& value) override {
    weights[std::string(stage) + std::to_string(layer)] = value;
  }
  bool wants_attention() const override { return true; }
  std::map<std::string, at::Tensor> weights;
};

/// What `flam verify` allows: 1e-4 · max(1, max|reference|).
constexpr double kGoldenTolerance = 1e-4;

}  // namespace flam
