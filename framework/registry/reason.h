#pragma once
#include <exception>
#include <string>

#include "framework/base/export.h"

namespace flam {

/// What an exception of a component says: without the stack trace that libtorch appends to its own, and what
/// it says of the meta device in words for the component's author.
FLAM_API std::string reason_of(const std::exception& error);

}  // namespace flam
