#include "framework/session/session.h"

#include <c10/core/InferenceMode.h>

#include <numeric>

#include "framework/base/interrupted.h"
#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/device/device_memory.h"
#include "framework/generate/generate.h"
#include "framework/session/answer_stream.h"
#include "framework/session/session_state.h"

namespace flam {

Session::Session() : state_(std::make_unique<State>()) {}
Session::~Session() = default;

Prepared Session::prepare(std::span<const Prompt> prompts, StageTimes* times, bool with_pixels) const {
  const EncodedMedia media = with_device_memory([&] {
    return state_->media->load(prompts, {times, with_pixels});
  });
  std::vector<size_t> rows(prompts.size());
  std::iota(rows.begin(), rows.end(), 0);
  for (const std::exception_ptr& error : media.errors) {
    if (error) std::rethrow_exception(error);
  }
  Prepared prepared = state_->media->arrange(media, rows);
  const StageTimes::Scope timer(times, "tokenize");
  encode_rows(prompts, state_->model->tokenizer(), prepared);
  return prepared;
}

void Session::encode_media(Prepared& prepared, StageTimes* times, Probe* probe) const {
  with_device_memory([&] { state_->media->resample(prepared, times, probe); });
}

std::unique_ptr<StepModel> Session::start(const Prepared& prepared, int64_t beams,
                                          int64_t max_new_tokens) const {
  return state_->model->start(prepared.batch, beams, max_new_tokens, nullptr,
                              state_->graphs ? state_->graphs->make() : nullptr);
}

std::vector<Result> Session::generate(const Prepared& prepared, const GenerationParams& params,
                                      const CallOptions& options,
                                      const std::function<void(int64_t, int64_t)>& on_token) const {
  const Tokenizer& tokenizer = state_->model->tokenizer();
  GenerateInput input;
  input.prompts = prepared.rows;
  if (params.do_sample) input.row_seeds = row_seeds(prepared);
  input.stop_ids = stop_ids(params, tokenizer);
  const Model& model = *state_->model;
  input.choosable_ids = params.suppress_padded_vocab ? model.token_count() : model.vocabulary_rows();
  input.decode = [&](const std::vector<int64_t>& ids) { return text_of(ids, tokenizer); };
  input.cancelled = options.cancelled;
  if (on_token) input.on_token = [&](int64_t row, int64_t id, double) { on_token(row, id); };
  auto results = with_device_memory([&] {
    const auto steps = timed(start(prepared, rows_per_prompt(params), params.max_new_tokens),
                             state_->model->device(), options.times);
    return flam::generate(*steps, input, params);
  });
  for (Result& result : results) {
    for (Hypothesis& hypothesis : result.hypotheses) finish_text(hypothesis, params, tokenizer);
  }
  return results;
}

std::vector<Outcome> Session::answer(std::span<const Request> requests, const CallOptions& options) const {
  const TaskHead& head = task_head();
  std::vector<Outcome> outcomes(requests.size());
  std::vector<Task> tasks;
  std::vector<size_t> answered;  // tasks[i] is of request answered[i]
  for (size_t i = 0; i < requests.size(); ++i) {
    try {
      Task task = head.task(requests[i]);
      if (!requests[i].candidates.empty() && !std::holds_alternative<Score>(task))
        throw Error("this model's task head writes its answers and takes no candidates; leave them out");
      std::visit([&](auto& of) { state_->media->measure(of.prompt.media); }, task);
      tasks.push_back(std::move(task));
      answered.push_back(i);
    } catch (const Error& error) {
      outcomes[i].fail(error.what(), error);
    }
  }
  CallOptions mapped = options;
  if (options.on_text) {
    mapped.on_text = [&](size_t task, const std::string& piece) { options.on_text(answered[task], piece); };
  }
  std::vector<Outcome> ran = run(tasks, mapped);
  for (size_t i = 0; i < ran.size(); ++i) {
    const std::string& id = requests[answered[i]].id;
    if (ran[i].error && !id.empty()) *ran[i].error = printable(id, 4096) + ": " + *ran[i].error;
    outcomes[answered[i]] = std::move(ran[i]);
  }
  return outcomes;
}

std::vector<Outcome> Session::run(std::span<const Task> tasks, const CallOptions& options) const {
  const c10::InferenceMode inference;
  std::vector<Outcome> outcomes(tasks.size());
  std::vector<size_t> rows(tasks.size());
  std::iota(rows.begin(), rows.end(), 0);
  std::vector<AnswerStream> streams;
  for (const size_t row : rows) {
    outcomes[row].prompt = prompt_of(tasks[row]).text;
    if (!options.on_text) continue;
    streams.emplace_back(state_->model->tokenizer(), task_head(),
                         [&options, row](const std::string& piece) { options.on_text(row, piece); });
  }
  bool interrupted = false;
  const auto run_some = [&](std::span<const size_t> some) {
    try {
      run_together(tasks, some, outcomes, options, streams);
    } catch (const Interrupted&) {
      interrupted = true;
    } catch (const Error& error) {
      if (some.size() == 1) outcomes[some.front()].fail(error.what(), error);
    }
  };
  const auto is_open = [&](size_t row) { return outcomes[row].answer.empty() && !outcomes[row].error; };
  run_some(rows);
  // If something in the batch can't be run, what it left open is run alone, so that the others are answered.
  for (const size_t& row : rows) {
    if (!is_open(row)) continue;
    interrupted = interrupted || (options.cancelled && options.cancelled());
    if (!interrupted) run_some({&row, 1});
    if (interrupted && is_open(row)) outcomes[row].fail(Interrupted().what(), Interrupted());
  }
  return outcomes;
}

void Session::run_together(std::span<const Task> tasks, std::span<const size_t> rows,
                           std::span<Outcome> outcomes, const CallOptions& options,
                           std::span<AnswerStream> streams) const {
  std::vector<Prompt> prompts, scored_prompts;
  std::vector<Score> scores;
  std::vector<size_t> generated, scored;
  for (const size_t row : rows) {
    if (const auto* score = std::get_if<Score>(&tasks[row])) {
      scores.push_back(*score);
      scored_prompts.push_back(score->prompt);
      scored.push_back(row);
    } else {
      prompts.push_back(prompt_of(tasks[row]));
      generated.push_back(row);
    }
  }
  const auto run_each = [&](std::span<const Prompt> given, std::span<const size_t> of, const auto& results) {
    if (given.empty()) return;
    Prepared prepared = prepare(given, options.times);
    encode_media(prepared, options.times);
    std::vector<Result> found = results(prepared);
    for (size_t i = 0; i < found.size(); ++i) {
      Outcome& outcome = outcomes[of[i]];
      outcome.answer = state_->task_head->answer(found[i]);
      outcome.prompt_tokens = std::ssize(prepared.rows[i]);
      outcome.result = std::move(found[i]);
      if (!streams.empty() && !streams[of[i]].finish(outcome.answer.front().second)) {
        const RunError error(
            "the answer does not begin with the text that was shown while it was generated; the task head or "
            "the tokenizer breaks its contract, or the numbers of a batch that failed came out differently "
            "when it was run again");
        outcome.answer.clear();
        outcome.fail(error.what(), error);
      }
    }
  };
  run_each(prompts, generated, [&](const Prepared& prepared) {
    const GenerationParams params = options.generation.value_or(state_->config.generation);
    std::call_once(state_->idle_options_said, [&] {
      for (const IdleOption& option : idle_options(params)) log_warn("generation: " + option.why);
    });
    if (streams.empty()) return generate(prepared, params, options);
    for (const size_t row : generated) streams[row].start(params.stop_strings);
    return generate(prepared, params, options,
                    [&](int64_t row, int64_t id) { streams[generated[row]].add(id); });
  });
  if (scored.empty()) return;
  if (options.cancelled && options.cancelled()) throw Interrupted();
  run_each(scored_prompts, scored,
           [&](const Prepared& prepared) { return score(prepared, scores, options); });
}

Outcome Session::answer(const Request& request, const CallOptions& options) const {
  Outcome outcome = std::move(answer(std::span(&request, 1), options).front());
  if (outcome.error && outcome.exit_status == 1) throw RunError(*outcome.error);
  if (outcome.error) throw Error(*outcome.error);
  return outcome;
}

const RunConfig& Session::config() const {
  return state_->config;
}
const Model& Session::model() const {
  return *state_->model;
}
const TransformChain& Session::transforms() const {
  return *state_->transforms;
}
const TaskHead& Session::task_head() const {
  if (!state_->task_head)
    throw Error("the config has no `task_head`, so there is nothing that turns a request into a prompt");
  return *state_->task_head;
}
const Registry& Session::registry() const {
  return *state_->registry;
}
const RunOptions& Session::options() const {
  return state_->options;
}

Answer inference_model(const std::string& config, const std::string& picture, const std::string& question) {
  return Session::open(config)->answer(picture_request(picture, question)).answer;
}

}  // namespace flam
