#include "framework/request/picture_request.h"

#include "framework/report/path_text.h"
#include "framework/request/video_part.h"

namespace flam {

Request picture_request(const std::string& path, const std::string& question) {
  Request request;
  request.parts.push_back(media_part(path));
  if (!question.empty()) request.parts.push_back({Part::Kind::text, question, {}});
  request.id = path_text(path);
  return request;
}

}  // namespace flam
