#pragma once
#include <cstdint>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// The middle of some measurements, and the quartiles below and above it; all 0 if there are none. Values
/// between two measurements are interpolated.
struct Spread {
  double median = 0, q1 = 0, q3 = 0;
  int64_t runs = 0;
};
FLAM_API Spread spread_of(std::vector<double> values);

/// spread_of(values).median
FLAM_API double median(std::vector<double> values);

}  // namespace flam
