#pragma once
// The requests that a command line asks for.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "framework/session/session.h"

namespace flam::cli {

struct InputOptions {
  std::vector<std::string> images;  // files, folders, "-"
  bool recursive = false;
  std::string question;
  std::vector<std::string> shots;  // IMAGE=TEXT or IMAGE=QUESTION=>ANSWER
  std::vector<std::string> candidates;
  std::string request_file;  // JSON lines; "-": standard input
};

/// What happens with each request in order, as they are read: a stream, not a list.
struct RequestSink {
  std::function<void(int64_t count)> expect;  // called first, if their number is known
  std::function<void(Request)> take;
  std::function<void(const std::string& id, const std::string& error)> fail;  // a line that is no request
};

void for_each_request(const InputOptions& options, bool needs_question, const RequestSink& sink);

}  // namespace flam::cli
