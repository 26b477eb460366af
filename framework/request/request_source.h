#pragma once
// Makes the requests that a command line asks for.

#include <string>
#include <vector>

#include "framework/base/export.h"
#include "framework/media/frame_sampling.h"
#include "framework/request/request_sink.h"
#include "framework/request/shots_file.h"

namespace flam {

struct InputOptions {
  std::vector<std::string> images;  // files, folders, "-": the bytes of one picture on standard input
  bool recursive = false;           // also search subfolders
  FrameSampling sampling;           // of videos among them
  std::string question;
  std::vector<std::string> shots;  // IMAGE=TEXT or IMAGE=QUESTION=>ANSWER
  std::string shots_file;          // more shots, which come first; see read_shots()
  std::vector<std::string> candidates;
  std::string request_file;  // JSON lines; "-": standard input
};

/// Whether the inputs are exactly one picture, given by name.
FLAM_API bool asks_about_one_picture(const InputOptions& inputs);

/// Finds mistakes that need no model. Error: the request file can't be read, or none of the pictures exists.
FLAM_API void check_inputs(const InputOptions& options);

/// The shots of the options. Error: as read_shots() and add_shot().
FLAM_API Shots shots_of(const InputOptions& options, bool needs_question);

/// Passes all requests to the sink in order: the requests of the request file, or one for each picture or
/// video that is named or found in a named folder (see folder.h). Each has the parts of `shots` first.
/// `needs_question` is that of the task head. Error: the options contradict each other, or name no input.
FLAM_API void for_each_request(const InputOptions& options, const Request& shots, bool needs_question,
                               const RequestSink& sink);
/// The same with the shots of the options.
FLAM_API void for_each_request(const InputOptions& options, bool needs_question, const RequestSink& sink);

}  // namespace flam
