#pragma once
#include <optional>
#include <string_view>

#include "framework/generate/generate.h"
#include "framework/generate/history.h"

namespace flam {

/// Decides when a sequence ends.
class StopRules {
 public:
  StopRules(const GenerateInput& input, const GenerationParams& params);

  /// Returns why row r ends when `next` is appended, or nothing if it goes on.
  std::optional<FinishReason> ends(const History& history, int64_t r, int64_t next) const;
  bool cancelled() const { return input_.cancelled && input_.cancelled(); }

 private:
  std::string newest_text(std::span<const int64_t> generated, int64_t next) const;

  const GenerateInput& input_;
  const std::vector<std::string>& strings_;
  size_t longest_ = 0;  // bytes of the longest stop string
};

}  // namespace flam
