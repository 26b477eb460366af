#pragma once
#include <string>

#include "framework/base/export.h"
#include "framework/request/request_sink.h"

namespace flam {

/// Error: the file of requests can't be read.
void check_request_file(const std::string& name);

/// Reads the requests of a file, one JSON object per line ("-" is standard input), and holds only one of them
/// at a time. A line that is not a request, or is longer than 16 MiB, fails alone. Error: the file can't be
/// read, or has no requests.
FLAM_API void requests_of_file(const std::string& name, const RequestSink& sink);

}  // namespace flam
