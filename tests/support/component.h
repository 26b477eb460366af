#pragma once
// What the tests of this tree need besides framework/testing: the numbers of references, and a probe.
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
