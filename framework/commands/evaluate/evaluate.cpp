#include "framework/commands/evaluate/evaluate.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "framework/base/interrupted.h"
#include "framework/base/text.h"
#include "framework/model/checked.h"
#include "framework/session/media_encoder.h"
#include "framework/session/session_parts.h"

namespace flam {

namespace {

// The same task without its pictures and media markers. The calibration is removed, because it would subtract
// the same prompt.
Task without_pictures(Task task, const std::string& marker) {
  std::visit([&](auto& of) { of.prompt = without_media(std::move(of.prompt), marker); }, task);
  if (auto* score = std::get_if<Score>(&task)) score->calibration.reset();
  return task;
}

class Evaluator {
 public:
  Evaluator(const Session& session, const EvaluateOptions& options) : session_(session), options_(options) {
    const RunConfig& config = session.config();
    if (options.batch_size < 1)
      throw Error(cat("the batch size is ", options.batch_size, "; it must be at least 1"));
    if (!config.dataset)
      throw Error(cat("config ", quoted(config.name), " names no `dataset` to evaluate on"));
    if (config.metrics.empty())
      throw Error(cat("config ", quoted(config.name), " names no `metrics` to evaluate with"));
    if (!config.task_head) throw Error(cat("config ", quoted(config.name), " names no `task_head`"));
    Dataset::Input input = Dataset::Input::of(session.task_head());
    input.seed = options.seed;
    input.limit = options.limit;
    dataset_ = build_checked<Dataset>(session.registry(), config.dataset, input);
    for (const ComponentConfig& metric : config.metrics)
      metrics_.push_back(build_checked<Metric>(session.registry(), metric, {}));
  }

  Evaluation run() {
    const c10::InferenceMode inference;
    const int64_t total = dataset_->size();
    if (total == 0) throw Error("the dataset is empty");
    Pass sighted(*this, false), blind(*this, true);
    std::map<std::string, Scorer> kinds;
    std::vector<Record> next = records_from(0);
    for (int64_t first = 0; first < total; first += options_.batch_size) {
      std::vector<Record> records = std::exchange(next, records_from(first + options_.batch_size));
      const auto answers = sighted.answer(records);
      for (size_t i = 0; i < records.size(); ++i) {
        if (!answers[i]) continue;
        if (options_.on_answer) options_.on_answer(records[i], *answers[i]);
        if (!records[i].kind.empty())
          kinds.try_emplace(records[i].kind, metrics_).first->second.add(records[i], *answers[i]);
      }
      if (options_.blind) {
        // Both scores are over the same records.
        for (size_t i = records.size(); i-- > 0;)
          if (!answers[i]) records.erase(records.begin() + static_cast<std::ptrdiff_t>(i));
        blind.answer(records);
      }
      // An answer that was cut short must not be scored as if it were the model's.
      if (options_.cancelled && options_.cancelled()) throw Interrupted();
      if (options_.progress) options_.progress(std::min(total, first + options_.batch_size), total);
    }
    Evaluation out;
    out.config = session_.config().name;
    out.seed = options_.seed.value_or(configured_seed());
    out.n = total;
    out.answers = sighted.result();
    if (options_.blind) out.controls.emplace_back("blind", blind.result());
    for (const auto& [kind, scorer] : kinds) out.by_kind.emplace_back(kind, scorer.scores());
    return out;
  }

 private:
  /// Collects the scores of all metrics.
  class Scorer {
   public:
    explicit Scorer(const std::vector<std::unique_ptr<Metric>>& metrics) {
      for (const auto& metric : metrics) accumulators_.push_back(metric->start());
    }

    void add(const Record& record, const Prediction& prediction) {
      for (auto& accumulator : accumulators_) accumulator->add(record, prediction);
      empty_ = false;
    }
    Metric::Scores scores() const {
      Metric::Scores out;
      if (empty_) return out;
      for (const auto& accumulator : accumulators_) {
        for (auto& score : accumulator->scores()) out.push_back(std::move(score));
      }
      return out;
    }

   private:
    std::vector<std::unique_ptr<Metric::Accumulator>> accumulators_;
    bool empty_ = true;
  };

  /// One pass over the records, with pictures or without (blind).
  class Pass {
   public:
    Pass(const Evaluator& evaluator, bool blind)
        : evaluator_(evaluator), blind_(blind), scorer_(evaluator.metrics_) {}

    /// Answers and scores the records. The result is nullopt for a record that failed.
    std::vector<std::optional<Prediction>> answer(const std::vector<Record>& records) {
      const Session& session = evaluator_.session_;
      std::vector<std::optional<Prediction>> out(records.size());
      std::vector<Task> tasks;
      std::vector<size_t> asked;  // tasks[t] is of record asked[t]
      for (size_t i = 0; i < records.size(); ++i) {
        try {
          Task task = session.task(records[i].request);
          if (blind_) task = without_pictures(std::move(task), session.model().tokenizer().image_token());
          tasks.push_back(std::move(task));
          asked.push_back(i);
        } catch (const Error& error) {
          add_failure(records[i], error.what());
        }
      }
      const std::vector<Outcome> outcomes = session.run(tasks, evaluator_.call_options());
      for (size_t t = 0; t < outcomes.size(); ++t) {
        const Record& record = records[asked[t]];
        if (outcomes[t].error) {
          add_failure(record, *outcomes[t].error);
        } else {
          out[asked[t]] = Prediction{outcomes[t].answer.front().second, outcomes[t].result.candidates};
          scorer_.add(record, *out[asked[t]]);
        }
      }
      return out;
    }

    EvaluatedPass result() const { return {failed_, failures_, scorer_.scores()}; }

   private:
    void add_failure(const Record& record, const std::string& error) {
      constexpr size_t kShown = 10;
      ++failed_;
      if (failures_.size() < kShown) failures_.push_back(printable(record.request.id, 4096) + ": " + error);
    }

    const Evaluator& evaluator_;
    bool blind_;
    Scorer scorer_;
    int64_t failed_ = 0;
    std::vector<std::string> failures_;
  };

  /// A batch of records; their pictures are loaded while the batch before is answered.
  std::vector<Record> records_from(int64_t first) const {
    std::vector<Record> records;
    for (int64_t i = first; i < std::min(dataset_->size(), first + options_.batch_size); ++i) {
      records.push_back(dataset_->at(i));
      session_.parts().media->prefetch(records.back().request.parts);
    }
    return records;
  }

  CallOptions call_options() const {
    CallOptions call;
    call.cancelled = options_.cancelled;
    call.generation = session_.config().generation;
    if (options_.seed) call.generation->seed = *options_.seed;
    return call;
  }

  int64_t configured_seed() const {
    const Value tree = session_.config().dataset.resolved();
    const Value* seed = tree.find("seed");
    return seed && seed->is_int() ? seed->as_int() : 0;
  }

  const Session& session_;
  const EvaluateOptions& options_;
  std::unique_ptr<Dataset> dataset_;
  std::vector<std::unique_ptr<Metric>> metrics_;
};

}  // namespace

Evaluation evaluate(const Session& session, const EvaluateOptions& options) {
  return Evaluator(session, options).run();
}

}  // namespace flam
