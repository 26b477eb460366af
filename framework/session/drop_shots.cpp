// Session::drop_shots: leaves out the oldest shots of a request that is too long.
#include <algorithm>

#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/session/session_parts.h"

namespace flam {

namespace {

/// Where the second shot, or the query, begins: at the first picture after a text. 0: only the query is
/// there.
size_t end_of_oldest_shot(const Request& request) {
  const auto is_text = [](const Part& part) { return part.kind == Part::Kind::text; };
  const auto text = std::ranges::find_if(request.parts, is_text);
  const auto next = std::find_if_not(text, request.parts.end(), is_text);
  return next == request.parts.end() ? 0 : static_cast<size_t>(next - request.parts.begin());
}

/// Positions that a task needs in the decoder's context: of its prompt, and of what is added to it.
struct Needed {
  int64_t prompt = 0, more = 0;
};

Needed needed(const Task& task, const GenerationParams& params, const SessionParts& parts) {
  const Model& model = *parts.model;
  const LaidOut laid_out = parts.media->lay_out(prompt_of(task));
  int64_t media = 0;
  for (const PlacedMedia& placed : laid_out.media) media += placed.tokens / model.media_tokens();
  Needed out{std::ssize(model.tokenizer().encode(laid_out.text, true)), params.max_new_tokens};
  if (media > 0) out.prompt += media * model.inserted_positions();
  if (const auto* score = std::get_if<Score>(&task)) {
    out.more = 0;
    for (const std::string& candidate : score->candidates) {
      const auto ids = model.tokenizer().encode(literal_text(candidate) + template_text(score->end), false);
      out.more = std::max<int64_t>(out.more, std::ssize(ids));
    }
  }
  return out;
}

}  // namespace

int64_t Session::drop_shots(Request& request, const CallOptions& options) const {
  const GenerationParams& params = options.generation ? *options.generation : config().generation;
  if (params.when_too_long != GenerationParams::WhenTooLong::drop_shots || !request.messages.empty())
    return 0;
  const int64_t room = model().language_decoder().max_positions();
  int64_t dropped = 0;
  Needed at_first;
  while (true) {
    const Needed now = needed(task(request, options.context.get()), params, *parts_);
    if (dropped == 0) at_first = now;
    const size_t end = now.prompt + now.more > room ? end_of_oldest_shot(request) : 0;
    if (end == 0) break;  // it fits, or it is the query alone, which is never cut
    request.parts.erase(request.parts.begin(), request.parts.begin() + static_cast<std::ptrdiff_t>(end));
    ++dropped;
  }
  if (dropped > 0) {
    const std::string warning =
        cat("dropped the ", dropped == 1 ? "oldest shot" : cat(dropped, " oldest shots"),
            " of a request: the prompt of ", at_first.prompt, " positions and ", at_first.more,
            " new ones don't fit the context of ", room);
    if (parts_->is_new_warning(warning)) log_warn(warning);
  }
  return dropped;
}

}  // namespace flam
