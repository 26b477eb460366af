#pragma once
#include <exception>
#include <string>

#include "framework/base/export.h"

namespace flam {

/// Returns the message of a component's exception without the stack trace that libtorch appends. Messages
/// about the meta device are rewritten for the author of the component.
FLAM_API std::string reason_of(const std::exception& error);

}  // namespace flam
