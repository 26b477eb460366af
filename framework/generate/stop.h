#pragma once
#include <optional>

#include "framework/generate/generate.h"
#include "framework/generate/history.h"

namespace flam {

/// When a sequence ends.
class StopRules {
 public:
  StopRules(const GenerateInput& input, const GenerationParams& params)
      : input_(input), strings_(params.stop_strings) {}

  /// Why row r ends when `next` is appended; nothing when it goes on.
  std::optional<FinishReason> ends(const History& history, int64_t r, int64_t next) const;
  bool cancelled() const { return input_.cancelled && input_.cancelled(); }

 private:
  const GenerateInput& input_;
  const std::vector<std::string>& strings_;
};

}  // namespace flam
