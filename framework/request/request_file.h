#pragma once
#include <string>

#include "framework/base/export.h"
#include "framework/request/request_sink.h"

namespace flam {

/// Reads the requests of a file, one JSON object a line ("-": standard input), without holding more than one
/// of them. A line that is no request, or has more than 16 MiB, fails alone. Error: the file can't be read,
/// or holds no requests.
FLAM_API void requests_of_file(const std::string& name, const RequestSink& sink);

}  // namespace flam
