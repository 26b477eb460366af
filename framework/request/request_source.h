#pragma once
// The requests that a command line asks for.

#include <string>
#include <vector>

#include "framework/base/export.h"
#include "framework/request/request_sink.h"

namespace flam {

struct InputOptions {
  std::vector<std::string> images;  // files, folders, "-": the bytes of one picture on standard input
  bool recursive = false;           // look below the folders, too
  std::string question;
  std::vector<std::string> shots;  // IMAGE=TEXT or IMAGE=QUESTION=>ANSWER
  std::vector<std::string> candidates;
  std::string request_file;  // JSON lines; "-": standard input
};

/// Whether there is exactly one request, about a picture that is named.
FLAM_API bool asks_about_one_picture(const InputOptions& inputs);

/// Passes all requests to the sink in order: those of the request file, or one for each picture that is named
/// or lies in a folder that is named (see folder.h for which do). `needs_question`: of the task head. Error:
/// the options don't go together, or name no input.
FLAM_API void for_each_request(const InputOptions& options, bool needs_question, const RequestSink& sink);

}  // namespace flam
