#include "framework/session/session.h"

#include <algorithm>
#include <cmath>

#include "framework/base/interrupted.h"
#include "framework/base/text.h"
#include "framework/session/batch_run.h"
#include "framework/session/session_parts.h"

namespace flam {

Session::Session() : parts_(std::make_unique<SessionParts>()) {}
Session::~Session() = default;

void Outcome::fail(const Error& cause) {
  error = cause.what();
  error_kind = cause.kind();
}

std::optional<double> Outcome::confidence() const {
  if (error) return std::nullopt;
  if (!result.candidates.empty()) return result.candidates[best_candidate(result)].probability;
  if (result.hypotheses.empty() || result.hypotheses.front().token_logprobs.empty()) return std::nullopt;
  const auto& logprobs = result.hypotheses.front().token_logprobs;
  // Rounding may give a token that is certain a log-probability slightly above 0.
  return std::min(1.0, std::exp(*std::min_element(logprobs.begin(), logprobs.end())));
}

void Outcome::name_request(const Request& request) {
  if (!error || request.id.empty() || error_kind == ErrorKind::interrupted) return;
  const std::string id = printable(request.id, 4096);
  if (error->find(id) == std::string::npos) *error = id + ": " + *error;
}

std::shared_ptr<const PromptContext> Session::context(const Request& shots) const {
  static_cast<void>(task_head());
  return PromptContext::make(*parts_, shots);
}

std::shared_ptr<const PromptContext> Session::load_context(const std::filesystem::path& file) const {
  static_cast<void>(task_head());
  return PromptContext::load(*parts_, file);
}

Task Session::task(const Request& request, const PromptContext* context) const {
  if (!request.messages.empty() && !task_head().takes_messages()) {
    throw Error(
        "this model's task head takes no conversations; give a picture and what is asked about it, or choose "
        "a "
        "model with the task head 'chat'");
  }
  Task task = task_head().task(request);
  if (!request.candidates.empty() && !std::holds_alternative<Score>(task))
    throw Error(
        "this model's task head generates its answers and takes no candidates; remove them from the request");
  std::visit(
      [&](auto& of) {
        if (context) context->know_media(of.prompt);
        parts_->media->measure(of.prompt.media);
      },
      task);
  return task;
}

std::vector<Outcome> Session::answer(std::span<const Request> requests, const CallOptions& options) const {
  static_cast<void>(task_head());
  std::vector<Outcome> outcomes(requests.size());
  std::vector<Task> tasks;
  std::vector<size_t> answered;  // tasks[i] is of request answered[i]
  for (size_t i = 0; i < requests.size(); ++i) {
    try {
      Request request = requests[i];
      outcomes[i].dropped_shots = drop_shots(request, options);
      tasks.push_back(task(request, options.context.get()));
      answered.push_back(i);
    } catch (const Error& error) {
      outcomes[i].fail(error);
      outcomes[i].name_request(requests[i]);
    }
  }
  CallOptions mapped = options;
  if (options.on_text) {
    mapped.on_text = [&](size_t task, const std::string& piece) { options.on_text(answered[task], piece); };
  }
  std::vector<Outcome> ran = run(tasks, mapped);
  for (size_t i = 0; i < ran.size(); ++i) {
    ran[i].name_request(requests[answered[i]]);
    ran[i].dropped_shots = outcomes[answered[i]].dropped_shots;
    outcomes[answered[i]] = std::move(ran[i]);
  }
  return outcomes;
}

Outcome Session::answer(const Request& request, const CallOptions& options) const {
  Outcome outcome = std::move(answer(std::span(&request, 1), options).front());
  if (!outcome.error) return outcome;
  if (outcome.error_kind == ErrorKind::refused) throw Error(*outcome.error);
  if (outcome.error_kind == ErrorKind::interrupted) throw Interrupted();
  throw RunError(*outcome.error);
}

std::vector<Outcome> Session::run(std::span<const Task> tasks, const CallOptions& options) const {
  return BatchRun(*this, tasks, options).run();
}

const RunConfig& Session::config() const {
  return parts_->config;
}
const Model& Session::model() const {
  return *parts_->model;
}
const TransformChain& Session::transforms() const {
  return *parts_->transforms;
}
const TaskHead& Session::task_head() const {
  if (!parts_->task_head)
    throw Error("the config has no `task_head`, which is needed to turn a request into a prompt");
  return *parts_->task_head;
}
const Registry& Session::registry() const {
  return *parts_->registry;
}
const RunOptions& Session::options() const {
  return parts_->options;
}
const SessionParts& Session::parts() const {
  return *parts_;
}

Answer inference_model(const std::string& config, const std::string& picture, const std::string& question) {
  return Session::open(config)->answer(picture_request(picture, question)).answer;
}

}  // namespace flam
