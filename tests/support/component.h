#pragma once
// Helpers for the tests of this tree besides framework/testing: the tolerance for references, and a probe.
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "framework/component/types.h"
#include "framework/testing/component.h"

namespace flam {

inline std::filesystem::path golden_dir() {
  const char* set = std::getenv("FLAM_GOLDEN_DIR");
  return set && *set ? std::filesystem::path(set) : std::filesystem::path(FLAM_SOURCE_DIR "/tests/golden");
}

/// Stores the attention weights of a call by stage and layer.
class AttentionProbe final : public Probe {
 public:
  void record(std::string_view stage, int64_t layer, const at::Tensor& value) override {
    weights[std::string(stage) + std::to_string(layer)] = value;
  }
  bool wants_attention() const override { return true; }
  std::map<std::string, at::Tensor> weights;
};

/// The tolerance of `flam verify`: 1e-4 · max(1, max|reference|).
constexpr double kGoldenTolerance = 1e-4;

}  // namespace flam
