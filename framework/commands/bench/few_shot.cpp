#include "framework/commands/bench/few_shot.h"

#include <ATen/ops/randint.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "framework/base/interrupted.h"
#include "framework/base/text.h"
#include "framework/report/figures.h"
#include "framework/session/task_kind.h"

namespace flam {

namespace {

constexpr int64_t kEdge = 224;        // pixels
constexpr int64_t kFirstQueries = 2;  // that are not timed

Part random_picture() {
  PictureSource source;
  source.picture = Picture{at::randint(0, 256, {kEdge, kEdge, 3}, at::kByte)};
  return {Part::Kind::image, "", {source}};
}

Part text_part(const char* text) {
  return {Part::Kind::text, text, {}};
}

Request query(const TaskHead& head) {
  Request request;
  request.parts.push_back(random_picture());
  if (head.needs_question()) request.parts.push_back(text_part("What is the animal doing?"));
  if (head.takes_candidates()) request.candidates = {"sleeping", "running"};
  return request;
}

Request shots(const TaskHead& head, int64_t count) {
  Request request;
  for (int64_t i = 0; i < count; ++i) {
    request.parts.push_back(random_picture());
    if (head.needs_question()) request.parts.push_back(text_part("What is the animal doing?"));
    request.parts.push_back(text_part("A dog sleeps on a sofa."));
  }
  return request;
}

template <class Body>
double milliseconds(const Body& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

FewShotResult time_few_shot(const FewShotOptions& options, const BenchHooks& hooks) {
  const auto generation_of = [&](const RunConfig& config) {
    GenerationParams out = config.generation;
    out.num_beams = options.num_beams;
    out.max_new_tokens = out.min_new_tokens = options.new_tokens;
    return out;
  };
  RunOptions opening = options.session;
  opening.before_loading = [&](const RunConfig& config, const TaskHead* head) {
    if (head) check_generation(generation_of(config), *head);
  };
  const auto session =
      hooks.open ? hooks.open(options.config, opening) : Session::open(options.config, opening);
  const TaskHead& head = session->task_head();
  FewShotResult out;
  CallOptions without, with;
  without.cancelled = hooks.cancelled;
  without.generation = generation_of(session->config());
  with = without;
  const Request before = shots(head, options.shots);
  out.context_ms = milliseconds([&] { with.context = session->context(before); });
  out.kept_tokens = with.context->kept_tokens();
  std::vector<double> kept, whole;
  for (int64_t i = -kFirstQueries; i < options.queries; ++i) {
    const Request request = with.context->request(query(head));
    // Each has a picture of its own, because the second would find the features of the first.
    const double first = milliseconds([&] { session->answer(request, with); });
    const Request other = with.context->request(query(head));
    const double second =
        milliseconds([&] { out.prompt_tokens = session->answer(other, without).prompt_tokens; });
    if (hooks.cancelled && hooks.cancelled()) throw Interrupted();
    if (i < 0) continue;
    kept.push_back(first);
    whole.push_back(second);
    if (hooks.progress) hooks.progress(i + 1, options.queries);
  }
  out.kept = spread_of(std::move(kept));
  out.whole = spread_of(std::move(whole));
  return out;
}

std::string few_shot_text(const FewShotOptions& options, const FewShotResult& result) {
  const auto line = [](const char* name, const Spread& of) {
    return cat(name, significant(of.median, 3), " ms (", significant(of.q1, 3), " to ", significant(of.q3, 3),
               ")\n");
  };
  return cat(options.shots, " shots, ", options.queries, " queries, num_beams ", options.num_beams,
             ", new tokens ", options.new_tokens, "; ", result.kept_tokens, " of ", result.prompt_tokens,
             " tokens of a prompt are kept\n", line("with a kept context  ", result.kept),
             line("with the whole prompt  ", result.whole), "ratio ", significant(result.ratio(), 3),
             "; making the context took ", significant(result.context_ms, 3), " ms\n");
}

nlohmann::ordered_json few_shot_json(const FewShotOptions& options, const FewShotResult& result) {
  const auto spread = [](const Spread& of) {
    return nlohmann::ordered_json{{"median", of.median}, {"q1", of.q1}, {"q3", of.q3}};
  };
  return {{"config", options.config},
          {"shots", options.shots},
          {"queries", options.queries},
          {"num_beams", options.num_beams},
          {"new_tokens", options.new_tokens},
          {"kept_tokens", result.kept_tokens},
          {"prompt_tokens", result.prompt_tokens},
          {"context_ms", result.context_ms},
          {"kept_ms", spread(result.kept)},
          {"whole_ms", spread(result.whole)},
          {"ratio", result.ratio()}};
}

}  // namespace flam
