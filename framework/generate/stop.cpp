#include "framework/generate/stop.h"

#include <algorithm>

namespace flam {

std::optional<FinishReason> StopRules::ends(const History& history, int64_t r, int64_t next) const {
  const auto& stop_ids = input_.stop_ids;
  if (std::find(stop_ids.begin(), stop_ids.end(), next) != stop_ids.end()) return FinishReason::stop_token;
  if (strings_.empty()) return std::nullopt;
  std::vector<int64_t> generated(history.row(r) + history.prompt_length(), history.row(r) + history.length());
  generated.push_back(next);
  const std::string text = input_.decode(generated);
  const bool found = std::any_of(strings_.begin(), strings_.end(),
                                 [&](const std::string& s) { return text.find(s) != std::string::npos; });
  return found ? std::optional(FinishReason::stop_string) : std::nullopt;
}

}  // namespace flam
