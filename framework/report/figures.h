#pragma once
// Formats numbers for people to read.

#include <cstdint>
#include <string>
#include <vector>

#include "framework/base/export.h"

namespace flam {

FLAM_API std::string with_commas(int64_t number);                    // "3,141,592"
FLAM_API std::string shortened(double number, const char* unit);     // "3.14 MFLOP"
FLAM_API std::string shape_text(const std::vector<int64_t>& shape);  // "[32,128]"
FLAM_API std::string significant(double number, int digits);  // "0.997", "12.4"; "-" if it is not finite

}  // namespace flam
