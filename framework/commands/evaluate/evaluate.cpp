#include "framework/commands/evaluate/evaluate.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <map>

#include "framework/base/interrupted.h"
#include "framework/base/text.h"

namespace flam {

namespace {

// The same task without its pictures: no media marker, so that the text sees nothing. Nothing is left to
// calibrate with, either.
Task without_pictures(Task task, const std::string& marker) {
  std::visit(
      [&](auto& of) {
        std::string& text = of.prompt.text;
        for (size_t at; (at = text.find(marker)) != std::string::npos;) text.erase(at, marker.size());
        of.prompt.media.clear();
      },
      task);
  if (auto* score = std::get_if<Score>(&task)) score->calibration.reset();
  return task;
}

class Evaluator {
 public:
  Evaluator(const Session& session, const EvaluateOptions& options) : session_(session), options_(options) {
    const RunConfig& config = session.config();
    if (!config.dataset)
      throw Error(cat("config ", quoted(config.name), " names no `dataset` to evaluate on"));
    if (config.metrics.empty())
      throw Error(cat("config ", quoted(config.name), " names no `metrics` to evaluate with"));
    if (!config.task_head) throw Error(cat("config ", quoted(config.name), " names no `task_head`"));
    Dataset::Input input = Dataset::Input::of(session.task_head());
    input.seed = options.seed;
    input.limit = options.limit;
    dataset_ = session.registry().build<Dataset>(config.dataset, input);
    for (const ComponentConfig& metric : config.metrics)
      metrics_.push_back(session.registry().build<Metric>(metric, {}));
  }

  Evaluation run() {
    const c10::InferenceMode inference;
    const int64_t total = dataset_->size();
    if (total == 0) throw Error("the dataset is empty");
    Accumulators sighted = start(), blind = start();
    std::map<std::string, Accumulators> kinds;
    for (int64_t first = 0; first < total; first += options_.batch_size) {
      std::vector<Record> records;
      for (int64_t i = first; i < std::min(total, first + options_.batch_size); ++i)
        records.push_back(dataset_->at(i));
      const std::vector<std::string> answers = answer(records, false);
      for (size_t i = 0; i < records.size(); ++i) {
        add(sighted, records[i], answers[i]);
        if (options_.on_answer) options_.on_answer(records[i], answers[i]);
        if (records[i].kind.empty()) continue;
        auto& kind = kinds[records[i].kind];
        if (kind.empty()) kind = start();
        add(kind, records[i], answers[i]);
      }
      if (options_.blind) {
        const std::vector<std::string> guesses = answer(records, true);
        for (size_t i = 0; i < records.size(); ++i) add(blind, records[i], guesses[i]);
      }
      // An answer that was cut short must not be scored as if it were the model's.
      if (options_.cancelled && options_.cancelled()) throw Interrupted();
      if (options_.progress) options_.progress(std::min(total, first + options_.batch_size), total);
    }
    Evaluation out;
    out.config = session_.config().name;
    out.seed = options_.seed.value_or(configured_seed());
    out.n = total;
    out.failed = failed_;
    out.failures = failures_;
    out.scores = scores(sighted);
    if (options_.blind) out.controls.emplace_back("blind", scores(blind));
    for (const auto& [kind, accumulators] : kinds) out.by_kind.emplace_back(kind, scores(accumulators));
    return out;
  }

 private:
  using Accumulators = std::vector<std::unique_ptr<Metric::Accumulator>>;

  Accumulators start() const {
    Accumulators out;
    for (const auto& metric : metrics_) out.push_back(metric->start());
    return out;
  }

  static void add(Accumulators& accumulators, const Record& record, const std::string& answer) {
    for (auto& accumulator : accumulators) accumulator->add(record, answer);
  }

  static Metric::Scores scores(const Accumulators& accumulators) {
    Metric::Scores out;
    for (const auto& accumulator : accumulators) {
      for (auto& score : accumulator->scores()) out.push_back(std::move(score));
    }
    return out;
  }

  int64_t configured_seed() const {
    const Value tree = session_.config().dataset.resolved();
    const Value* seed = tree.find("seed");
    return seed && seed->is_int() ? seed->as_int() : 0;
  }

  /// The answer to each record; "" where it failed, which is counted.
  std::vector<std::string> answer(const std::vector<Record>& records, bool blind) {
    std::vector<std::string> out(records.size());
    const auto failed = [&](size_t i, const std::string& error) {
      if (!blind) add_failure(records[i], error);
    };
    std::vector<Task> tasks;
    std::vector<size_t> asked;  // tasks[t] is of record asked[t]
    for (size_t i = 0; i < records.size(); ++i) {
      try {
        Task task = session_.task_head().task(records[i].request);
        tasks.push_back(blind ? without_pictures(std::move(task), session_.model().tokenizer().image_token())
                              : task);
        asked.push_back(i);
      } catch (const Error& error) {
        failed(i, error.what());
      }
    }
    CallOptions call;
    call.cancelled = options_.cancelled;
    call.generation = session_.config().generation;
    if (options_.seed) call.generation->seed = *options_.seed;
    const std::vector<Outcome> outcomes = session_.run(tasks, call);
    for (size_t t = 0; t < outcomes.size(); ++t) {
      if (outcomes[t].error) {
        failed(asked[t], *outcomes[t].error);
      } else {
        out[asked[t]] = outcomes[t].answer.front().second;
      }
    }
    return out;
  }

  void add_failure(const Record& record, const std::string& error) {
    constexpr size_t kTold = 10;
    ++failed_;
    if (failures_.size() < kTold) failures_.push_back(printable(record.request.id, 4096) + ": " + error);
  }

  const Session& session_;
  const EvaluateOptions& options_;
  std::unique_ptr<Dataset> dataset_;
  std::vector<std::unique_ptr<Metric>> metrics_;
  int64_t failed_ = 0;
  std::vector<std::string> failures_;
};

}  // namespace

Evaluation evaluate(const Session& session, const EvaluateOptions& options) {
  return Evaluator(session, options).run();
}

}  // namespace flam
