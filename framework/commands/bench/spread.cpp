#include "framework/commands/bench/spread.h"

#include <algorithm>
#include <cmath>

namespace flam {

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    const double place = share * static_cast<double>(values.size() - 1), below = std::floor(place);
    const auto index = static_cast<size_t>(below);
    const double next = values[std::min(index + 1, values.size() - 1)];
    return values[index] + (place - below) * (next - values[index]);
  };
  return {at(0.5), at(0.25), at(0.75), std::ssize(values)};
}

double median(std::vector<double> values) {
  return spread_of(std::move(values)).median;
}

}  // namespace flam
