#include "framework/generate/stop.h"

#include <algorithm>

namespace flam {

size_t find_stop_string(std::string_view text, const std::vector<std::string>& strings) {
  size_t found = std::string_view::npos;
  for (const std::string& string : strings) found = std::min(found, text.find(string));
  return found;
}

StopRules::StopRules(const GenerateInput& input, const GenerationParams& params)
    : input_(input), strings_(params.stop_strings) {
  for (const std::string& string : strings_) longest_ = std::max(longest_, string.size());
}

/// Returns the end of the text after `next` is appended. It is long enough to contain any stop string that
/// `next` completes.
std::string StopRules::newest_text(std::span<const int64_t> generated, int64_t next) const {
  constexpr size_t kMore =
      16;  // bytes; if decoding starts inside a word or character, the text may begin differently
  size_t count = longest_ + kMore;
  while (true) {
    const std::span last = generated.last(std::min(count, generated.size()));
    std::vector<int64_t> ids(last.begin(), last.end());
    if (ids.size() == generated.size() || input_.decode(ids).size() >= longest_ + kMore) {
      ids.push_back(next);
      return input_.decode(ids);
    }
    count *= 2;  // the ids had too little text
  }
}

std::optional<FinishReason> StopRules::ends(const History& history, int64_t r, int64_t next) const {
  const auto& stop_ids = input_.stop_ids;
  if (std::find(stop_ids.begin(), stop_ids.end(), next) != stop_ids.end()) return FinishReason::stop_token;
  if (strings_.empty()) return std::nullopt;
  const std::string text = newest_text(history.generated(r), next);
  const bool found = find_stop_string(text, strings_) != std::string::npos;
  return found ? std::optional(FinishReason::stop_string) : std::nullopt;
}

}  // namespace flam
