#pragma once
// Scalars: what a plain word of YAML means, and how to write a number so that reading it gives it back.

#include <string>
#include <string_view>

#include "framework/config/value.h"

namespace flam {

/// The value of an unquoted scalar: `null`, `~` and nothing; `true` and `false`; integers (decimal, 0x, 0o),
/// floats, `.inf`, `.nan`; everything else is text. Errors: a decimal integer with a leading zero, a number
/// that does not fit.
Value plain_scalar(std::string_view word, const Location& where);

/// The shortest text that is read as the same double, and always as a float: "-2.0", "1e-05", ".inf".
std::string double_text(double number);

}  // namespace flam
