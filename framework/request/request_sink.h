#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "framework/component/types.h"

namespace flam {

/// Receives requests one by one, as they are read. `expect`, `left_out` and `stopped` may be empty.
struct RequestSink {
  /// Gets the largest possible number of requests, if it is known. It is called again when the number turns
  /// out to be smaller.
  std::function<void(int64_t count)> expect;
  std::function<void(Request)> take;
  /// Called instead of `take` for something that is not a valid request, such as a line of a file or a folder
  /// that can't be read. `id` is UTF-8.
  std::function<void(const std::string& id, const std::string& error)> fail;
  /// Called last, with a one-line summary of what the folders contain besides pictures.
  std::function<void(const std::string& summary)> left_out;
  /// Returns true if reading should end early.
  std::function<bool()> stopped;
};

}  // namespace flam
