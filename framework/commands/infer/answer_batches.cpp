#include "framework/commands/infer/answer_batches.h"

#include "framework/session/media_encoder.h"
#include "framework/session/session_parts.h"

namespace flam {

namespace {
/// A batch is answered before more requests than these wait in it, most of which have known outcomes then.
constexpr size_t kMostWaiting = 10'000;
}  // namespace

AnswerBatches::~AnswerBatches() {
  session_.parts().media->drop_prefetched();  // of a run that ended early
}

void AnswerBatches::add(Request request, Task task, int64_t dropped_shots) {
  const Prompt& prompt = prompt_of(task);
  const PromptContext* const context = options_.call.context.get();
  const size_t known = context && context->begins(prompt) ? context->media_count() : 0;
  session_.parts().media->prefetch(std::span(prompt.media).subspan(known));
  Entry entry{std::move(request), std::move(task), {}};
  entry.outcome.dropped_shots = dropped_shots;
  push(std::move(entry));
}

void AnswerBatches::add(Request request, Outcome outcome) {
  push({std::move(request), {}, std::move(outcome)});
}

void AnswerBatches::push(Entry entry) {
  ++count_;
  tasks_ += entry.task.has_value();
  filling_.push_back(std::move(entry));
  // Known outcomes need no batch. If nothing else is waiting, they are passed on at once.
  const bool only_known = tasks_ == 0 && full_.empty();
  if (tasks_ < options_.batch_size && !only_known && filling_.size() < kMostWaiting) return;
  answer(std::exchange(full_, std::exchange(filling_, {})));
  tasks_ = 0;
  if (!options_.look_ahead || only_known) answer(std::exchange(full_, {}));
}

void AnswerBatches::finish() {
  answer(std::exchange(full_, {}));
  answer(std::exchange(filling_, {}));
  tasks_ = 0;
}

void AnswerBatches::answer(Batch batch) {
  std::vector<Task> tasks;
  std::vector<Entry*> asked;
  for (Entry& entry : batch) {
    if (!entry.task) continue;
    tasks.push_back(std::move(*entry.task));
    asked.push_back(&entry);
  }
  if (cancelled()) return;
  if (!tasks.empty()) {
    std::vector<Outcome> outcomes = session_.run(tasks, options_.call);
    if (cancelled()) return;
    for (size_t i = 0; i < outcomes.size(); ++i) {
      outcomes[i].name_request(asked[i]->request);
      outcomes[i].dropped_shots = asked[i]->outcome.dropped_shots;
      asked[i]->outcome = std::move(outcomes[i]);
    }
  }
  for (Entry& entry : batch) sink_(entry.request, std::move(entry.outcome));
}

}  // namespace flam
