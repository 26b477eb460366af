#include "framework/commands/evaluate/evaluation_pass.h"

#include <nlohmann/json.hpp>

#include "framework/base/interrupted.h"
#include "framework/base/text.h"
#include "framework/commands/evaluate/controls.h"
#include "framework/report/json.h"
#include "framework/session/record_key.h"

namespace flam {

using Json = nlohmann::ordered_json;

namespace {

/// A hash of everything that a prediction is made from, except pixels.
uint64_t key_of(const StoredPrediction& prediction) {
  const Record& record = prediction.record;
  const Json of = {request_key(record.request), record.references, record.kind,
                   to_json(record.facts),       prediction.shots,  prediction.picture_of};
  return id_key(json_line(of));
}

void take_outcome(const Outcome& outcome, StoredPrediction& out) {
  out.prompt = outcome.prompt;
  if (outcome.error) {
    out.error = outcome.error;
    return;
  }
  const Result& result = outcome.result;
  out.prediction = {outcome.answer.front().second, result.candidates};
  if (!result.candidates.empty()) {
    out.logprob = result.candidates[best_candidate(result)].logprob;
  } else if (!result.hypotheses.empty()) {
    out.raw = result.hypotheses.front().text;
    out.logprob = result.hypotheses.front().logprob;
  }
}

}  // namespace

EvaluationPass::EvaluationPass(Context context, Pictures pictures, const std::string& name,
                               ResultsFolder* folder)
    : context_(std::move(context)),
      pictures_(pictures),
      name_(name),
      folder_(folder),
      file_(folder ? &folder->pass(name) : nullptr),
      scorer_(context_.metrics) {}

bool EvaluationPass::is_kept(int64_t index) const {
  return file_ && file_->state(index) == PredictionFile::State::answered;
}

EvaluationPass::Asked EvaluationPass::asked_about(const Query& query) const {
  if (pictures_ != Pictures::swapped) return {query.request, ""};
  const auto partner = swap_partner(context_.dataset, query.index, query.record.request);
  if (!partner) throw Error("no other record has another picture");
  const Request other = context_.dataset.at(*partner).request;
  // The shots before the query keep their pictures.
  Request request = query.request;
  const Request swapped = with_media_of(query.record.request, other);
  std::copy(swapped.parts.begin(), swapped.parts.end(), request.parts.end() - std::ssize(swapped.parts));
  return {std::move(request), other.id};
}

std::vector<StoredPrediction> EvaluationPass::answer(const std::vector<Query>& queries, bool keep_failures) {
  std::vector<StoredPrediction> out(queries.size());
  const std::vector<size_t> which = take_stored(queries, keep_failures, out);
  kept_ = std::ssize(queries) - std::ssize(which);
  if (!which.empty()) ask(queries, which, out);
  return out;
}

void EvaluationPass::score(const std::vector<StoredPrediction>& predictions) {
  for (const StoredPrediction& prediction : predictions) scorer_.add(prediction);
}

std::vector<size_t> EvaluationPass::take_stored(const std::vector<Query>& queries, bool keep_failures,
                                                std::vector<StoredPrediction>& out) {
  std::vector<size_t> which;
  bool whole = true;
  for (size_t i = 0; i < queries.size(); ++i) {
    const int64_t index = queries[i].index;
    if (!file_ || file_->state(index) == PredictionFile::State::missing) {
      which.push_back(i);
      whole = false;
      continue;
    }
    StoredPrediction stored = file_->read(index);
    out[i].record = queries[i].record;
    out[i].shots = queries[i].shots;
    // A control of a run with fewer records may have had another partner.
    out[i].picture_of = stored.picture_of;
    const bool same = stored.key == record_key(folder_->run(), key_of(out[i]));
    if (!same && pictures_ == Pictures::own) {
      throw Error(file_->where(index),
                  cat("the prediction is of another record than number ", index, " of the dataset, ",
                      quoted(queries[i].record.request.id),
                      "; the dataset has changed: name another --output, or start anew with --overwrite"));
    }
    const bool swapped =
        pictures_ == Pictures::swapped && same && asked_about(queries[i]).picture_of != stored.picture_of;
    if (!same || swapped || (stored.error && !keep_failures)) {
      which.push_back(i);
      whole = whole && same && !swapped;
    } else {
      stored.record = queries[i].record;
      out[i] = std::move(stored);
    }
  }
  if (whole) return which;
  which.clear();
  for (size_t i = 0; i < queries.size(); ++i) which.push_back(i);
  return which;
}

void EvaluationPass::ask(const std::vector<Query>& queries, const std::vector<size_t>& which,
                         std::vector<StoredPrediction>& out) {
  const Session& session = context_.session;
  std::vector<Task> tasks;
  std::vector<size_t> of_task;
  for (const size_t i : which) {
    const Query& query = queries[i];
    StoredPrediction& prediction = out[i];
    prediction = {};
    prediction.index = query.index;
    prediction.record = query.record;
    prediction.shots = query.shots;
    try {
      if (query.error) throw Error(*query.error);
      const Asked asked = asked_about(query);
      prediction.picture_of = asked.picture_of;
      const bool known = query.task && pictures_ != Pictures::swapped;
      Task task = known ? *query.task : session.task(asked.request, context_.call.context.get());
      if (pictures_ == Pictures::none)
        task = without_pictures(std::move(task), session.model().tokenizer().image_token());
      tasks.push_back(std::move(task));
      of_task.push_back(i);
    } catch (const Error& error) {
      prediction.error = error.what();
    }
  }
  StageTimes times;
  CallOptions call = context_.call;
  call.times = &times;
  const std::vector<Outcome> outcomes = session.run(tasks, call);
  // An answer that was cut short must not be stored or scored as if it were the model's.
  if (call.cancelled && call.cancelled()) throw Interrupted();
  for (size_t t = 0; t < outcomes.size(); ++t) take_outcome(outcomes[t], out[of_task[t]]);
  for (const auto& entry : times.entries()) (*context_.milliseconds)[entry.stage] += entry.total();
  if (!file_) return;
  std::vector<StoredPrediction> batch;
  for (const size_t i : which) {
    out[i].key = record_key(folder_->run(), key_of(out[i]));
    batch.push_back(out[i]);
  }
  folder_->change();
  file_->append(batch);
}

}  // namespace flam
