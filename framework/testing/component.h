#pragma once
// For tests of a component: builds it from its plugin, as a config would, and fills its weights.
//
// clang-format off
//   Built<Resampler> pool("{type: average_pool, num_latents: 4}", {{6, 2, 2, 0}, 8});  // weights on the meta device
//   pool.fill_randomly();
//   EXPECT_EQ(pool->forward({random({1, 1, 1, 4, 6}, 1), 2, 2, 0}).sizes(), at::IntArrayRef({1, 1, 4, 8}));
// clang-format on
//
// flam_add_plugin(… TESTS …) builds such a test and, outside Flamboyance's tree, defines FLAM_PLUGIN_FOLDER,
// the folder of its plugin.
#include <concepts>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "framework/config/config.h"
#include "framework/device/meta_kernels.h"
#include "framework/registry/registry.h"
#include "framework/testing/near.h"
#include "framework/weights/checkpoint.h"
#include "framework/weights/load.h"

namespace flam {

/// Returns a registry of the plugins under test and those of Flamboyance itself.
inline Registry& built_plugins() {
  static Registry registry;
#ifdef FLAM_PLUGIN_FOLDER
  const std::vector<std::filesystem::path> under_test = {FLAM_PLUGIN_FOLDER};
#else
  const std::vector<std::filesystem::path> under_test;
#endif
  [[maybe_unused]] static const bool scanned = (registry.scan(plugin_search_path(under_test)), true);
  return registry;
}

/// A component with its own weight store, in which names begin with its kind: "resampler.proj.weight".
template <class Slot>
class Built {
 public:
  /// Builds the component from a config node, "{type: NAME, …}". Error: as for a config.
  explicit Built(const std::string& yaml, const typename Slot::Input& input = {})
      : Built(parse_yaml(yaml, "test"), input) {}
  template <std::same_as<Value> Node>
  explicit Built(const Node& node, const typename Slot::Input& input = {}) {
    ErrorList errors;
    const ComponentConfig config = built_plugins().parse(Slot::kKind, node, errors);
    errors.throw_if_any();
    register_meta_kernels();
    WeightScope scope(store, Slot::kKind);
    component_ = built_plugins().template build<Slot>(config, input, &scope);
  }

  Slot* operator->() { return component_.get(); }
  const Slot* operator->() const { return component_.get(); }
  const Slot& operator*() const { return *component_; }

  /// Fills every tensor with normal values times `scale`, and statistics with positive values.
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

  /// Expects every trainable tensor to have a gradient that is not zero everywhere.
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

}  // namespace flam
