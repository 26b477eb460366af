#pragma once
// Shots in a file.

#include <string>
#include <vector>

#include "framework/component/types.h"

namespace flam {

/// Examples that are put before a query.
struct Shots {
  Request request;               // their parts, in order
  std::vector<std::string> ids;  // of each shot: its id, or else the path of its picture or first frame
};

/// Reads shots from a JSON list, or from JSON lines, of objects with `image` (a path) or `frames` as in a
/// request for a video, and `question` and `answer`, or without `with_question` a `caption` (or `text`,
/// `class`, `answer`), and optionally `id`. Paths are relative to the file's folder. Error with
/// file:line:column: the file is malformed, has no shot or more than 10,000, or a picture is not there.
FLAM_API Shots read_shots(const std::string& file, bool with_question);

}  // namespace flam
