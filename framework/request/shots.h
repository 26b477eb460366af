#pragma once
#include <string>

#include "framework/base/export.h"
#include "framework/component/types.h"

namespace flam {

/// Appends the parts of an example given as "IMAGE=TEXT", or as "IMAGE=QUESTION=>ANSWER" with
/// `with_question`; IMAGE may be a video. A file name may contain '=': the picture is the shortest prefix
/// before a '=' that is a file. Error: there is no such file, or "=>" is missing.
FLAM_API void add_shot(const std::string& shot, bool with_question, Request& request);

/// The shots followed by the parts of `query`, which keeps its id and candidates. Error: the query is a
/// conversation.
FLAM_API Request after_shots(const Request& shots, Request query);

}  // namespace flam
