#include "framework/session/task_kind.h"

#include "framework/generate/generate.h"

namespace flam {

namespace {

/// A picture, with a question if the head needs one.
void add_query(Request& request, const TaskHead& head) {
  request.parts.push_back({Part::Kind::image, "", {PictureSource{}}});
  if (head.needs_question()) request.parts.push_back({Part::Kind::text, "what is it?", {}});
}

}  // namespace

TaskKind task_kind(const TaskHead& head) {
  for (const bool with_example : {false, true}) {  // some heads need examples, and others take none
    Request request;
    if (with_example) {
      add_query(request, head);
      request.parts.push_back({Part::Kind::text, "a ring", {}});
    }
    add_query(request, head);
    if (head.takes_candidates()) request.candidates = {"a ring", "a star"};
    try {
      return std::holds_alternative<Generate>(head.task(request)) ? TaskKind::generate : TaskKind::score;
    } catch (const Error&) {
      continue;
    }
  }
  return TaskKind::unknown;
}

void check_generation(const GenerationParams& params, const TaskHead& head) {
  if (task_kind(head) == TaskKind::generate) check_generation(params);
}

}  // namespace flam
