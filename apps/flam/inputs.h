#pragma once
// The requests that a command line asks for.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "framework/run/session.h"

namespace flam::cli {

struct InputOptions {
  std::vector<std::string> images;  // files, folders, "-"
  bool recursive = false;
  std::string question;
  std::vector<std::string> shots;  // IMAGE=TEXT or IMAGE=QUESTION=>ANSWER
  std::string request_file;        // JSON lines; "-": standard input
};

/// Calls `sink` with each request in order, as they are read: a stream, not a list.
void for_each_request(const InputOptions& options, bool needs_question,
                      const std::function<void(Request)>& sink);

}  // namespace flam::cli
