#pragma once
#include <c10/util/Exception.h>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {

/// Runs `work`. RunError: the device is out of memory.
template <class Work>
auto with_device_memory(const Work& work) {
  try {
    return work();
  } catch (const c10::OutOfMemoryError& error) {
    const std::string text = error.what_without_backtrace();
    throw RunError(cat("not enough memory on the device: ", printable(text.substr(0, text.find('\n')), 300),
                       "; use --dtype bfloat16, a smaller --batch-size, fewer beams or shots"));
  }
}

}  // namespace flam
