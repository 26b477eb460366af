#include "framework/request/shots.h"

#include <filesystem>

#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/request/video_part.h"

namespace flam {

namespace {

Part text_part(const std::string& text) {
  return {Part::Kind::text, text, {}};
}

}  // namespace

void add_shot(const std::string& shot, bool with_question, Request& request) {
  const std::string form = with_question ? "IMAGE=QUESTION=>ANSWER" : "IMAGE=TEXT";
  for (size_t at = shot.find('='); at != std::string::npos; at = shot.find('=', at + 1)) {
    const std::string image = shot.substr(0, at);
    std::error_code ignored;
    if (image.empty() || !std::filesystem::is_regular_file(image, ignored)) continue;
    const std::string text = shot.substr(at + 1);
    request.parts.push_back(media_part(image));
    if (!with_question) {
      request.parts.push_back(text_part(text));
      return;
    }
    const size_t arrow = text.find("=>");
    if (arrow == std::string::npos) throw Error(cat("--shot ", quoted(shot), ": expected ", form));
    request.parts.push_back(text_part(text.substr(0, arrow)));
    request.parts.push_back(text_part(text.substr(arrow + 2)));
    return;
  }
  throw Error(cat("--shot ", quoted(shot),
                  shot.find('=') == std::string::npos ? ": has no '='" : ": no picture file before '='",
                  "; expected ", form));
}

Request after_shots(const Request& shots, Request query) {
  if (!query.messages.empty() && !shots.parts.empty())
    throw Error("a conversation can't follow shots; write the shots as its first messages");
  query.parts.insert(query.parts.begin(), shots.parts.begin(), shots.parts.end());
  return query;
}

}  // namespace flam
