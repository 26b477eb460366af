#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "framework/component/types.h"

namespace flam {

/// Takes requests one by one, as they are read. `expect`, `left_out` and `stopped` may be empty.
struct RequestSink {
  /// How many there will be at most, if that is known; called again when they turn out to be fewer.
  std::function<void(int64_t count)> expect;
  std::function<void(Request)> take;
  /// What was no request, in its place: a line of a file, a folder that can't be read. `id` is UTF-8.
  std::function<void(const std::string& id, const std::string& error)> fail;
  /// Last: what folders hold besides pictures, in one sentence.
  std::function<void(const std::string& summary)> left_out;
  /// Whether to end early.
  std::function<bool()> stopped;
};

}  // namespace flam
