#include "framework/session/batch_run.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <iterator>
#include <numeric>

#include "framework/base/interrupted.h"
#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/device/device_memory.h"
#include "framework/device/one_thread.h"
#include "framework/generate/generate.h"

namespace flam {

BatchRun::BatchRun(const Session& session, std::span<const Task> tasks, const CallOptions& call)
    : parts_(session.parts()),
      head_(&session.task_head()),
      tasks_(tasks),
      call_(call),
      outcomes_(tasks.size()) {
  if (call.context && !call.context->is_of(parts_))
    throw Error("the context was made by another session; make it with the session that uses it");
  for (size_t row = 0; row < tasks.size(); ++row) {
    outcomes_[row].prompt = prompt_of(tasks[row]).text.str();
    if (!call.on_text) continue;
    streams_.emplace_back(parts_.model->tokenizer(), *head_,
                          [&call, row](const std::string& piece) { call.on_text(row, piece); });
  }
}

std::vector<Outcome> BatchRun::run() {
  const c10::InferenceMode inference;
  const ThreadCount computing(parts_.options.threads);
  Rows all(tasks_.size());
  std::iota(all.begin(), all.end(), 0);
  try_rows(all);
  for (const size_t row : all) {
    if (!is_open(row)) continue;
    interrupted_ = interrupted_ || cancelled();
    if (!interrupted_) try_rows({row});
    if (interrupted_ && is_open(row)) outcomes_[row].fail(Interrupted());
  }
  return std::move(outcomes_);
}

void BatchRun::try_rows(const Rows& rows) {
  try {
    run_together(rows);
  } catch (const Interrupted&) {
    interrupted_ = true;
  } catch (const OutOfMemory& error) {
    if (rows.size() == 1) return outcomes_[rows.front()].fail(error);
    if (parts_.is_new_warning("a batch is divided"))
      log_warn(cat(error.what(), "; until then, such a batch is answered in smaller parts"));
    Rows open;
    std::ranges::copy_if(rows, std::back_inserter(open), [&](size_t row) { return is_open(row); });
    const auto middle = open.begin() + (std::ssize(open) + 1) / 2;
    for (const Rows& half : {Rows(open.begin(), middle), Rows(middle, open.end())}) {
      if (!half.empty() && !interrupted_) try_rows(half);
    }
  } catch (const Error& error) {
    if (rows.size() == 1) outcomes_[rows.front()].fail(error);
  }
}

void BatchRun::run_together(const Rows& rows) {
  const PromptContext* const context = call_.context.get();
  for (const bool scored : {false, true}) {
    Rows kept, whole;  // kept: those that begin with the context
    for (const size_t row : rows) {
      if (std::holds_alternative<Score>(tasks_[row]) != scored) continue;
      (context && context->begins(prompt_of(tasks_[row])) ? kept : whole).push_back(row);
    }
    for (const auto& [of_kind, before] :
         {std::pair(kept, context), std::pair(whole, static_cast<const PromptContext*>(nullptr))}) {
      if (of_kind.empty()) continue;
      if (scored && cancelled()) throw Interrupted();
      answer(of_kind, before, [&](const Prepared& prepared, const Rows& of) {
        return scored ? score(prepared, of) : generate(prepared, of);
      });
    }
  }
}

void BatchRun::answer(const Rows& rows, const PromptContext* context,
                      const std::function<std::vector<Result>(const Prepared&, const Rows&)>& results) {
  std::vector<Prompt> prompts;
  for (const size_t row : rows) {
    const Prompt& prompt = prompt_of(tasks_[row]);
    prompts.push_back(context ? context->rest(prompt) : prompt);
  }
  const EncodedMedia media = with_device_memory([&] {
    return parts_.media->load(prompts, {call_.times, /*with_pixels=*/false});
  });
  Rows of, places;  // of prompts whose pictures were loaded
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!media.errors[i]) {
      of.push_back(rows[i]);
      places.push_back(i);
      continue;
    }
    try {
      std::rethrow_exception(media.errors[i]);
    } catch (const Error& error) {
      outcomes_[rows[i]].fail(error);
    }
  }
  if (of.empty()) return;
  Prepared prepared = with_device_memory([&] { return parts_.media->arrange(media, places); });
  {
    const StageTimes::Scope timer(call_.times, "tokenize");
    if (context) context->put_before(prepared);
    encode_rows(*parts_.model, prepared);
  }
  for (size_t i = 0; i < of.size(); ++i) {
    outcomes_[of[i]].prompt = prepared.texts[i].str();
    outcomes_[of[i]].media = prepared.media[i];
  }
  parts_.encode_media(prepared, call_.times);
  std::vector<Result> found = results(prepared, of);
  for (size_t i = 0; i < found.size(); ++i) {
    try {
      finish(of[i], std::move(found[i]), std::ssize(prepared.rows[i]));
    } catch (const Error& error) {  // the task head's, about this answer
      outcomes_[of[i]].answer.clear();
      outcomes_[of[i]].fail(error);
    }
  }
}

std::vector<Result> BatchRun::generate(const Prepared& prepared, const Rows& rows) {
  const GenerationParams params = call_.generation.value_or(parts_.config.generation);
  for (const IdleOption& option : idle_options(params)) {
    if (parts_.is_new_warning(option.why)) log_warn("generation: " + option.why);
  }
  if (streams_.empty()) return parts_.generate(prepared, params, call_);
  for (const size_t row : rows) streams_[row].start(params.stop_strings);
  return parts_.generate(prepared, params, call_,
                         [&](int64_t row, int64_t id) { streams_[rows[static_cast<size_t>(row)]].add(id); });
}

std::vector<Result> BatchRun::score(const Prepared& prepared, const Rows& rows) {
  std::vector<Score> tasks;
  for (const size_t row : rows) tasks.push_back(std::get<Score>(tasks_[row]));
  return parts_.score(prepared, tasks, call_);
}

void BatchRun::finish(size_t row, Result result, int64_t prompt_tokens) {
  Outcome& outcome = outcomes_[row];
  outcome.answer = head_->answer(result);
  outcome.prompt_tokens = prompt_tokens;
  outcome.result = std::move(result);
  if (streams_.empty() || streams_[row].finish(outcome.answer.front().second)) return;
  outcome.answer.clear();
  outcome.fail(
      RunError("the answer does not begin with the text that was shown while it was generated; either the "
               "task head or the tokenizer breaks its contract, or a batch that failed gave different "
               "results when it was run again"));
}

}  // namespace flam
