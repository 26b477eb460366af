#include "framework/run/evaluate.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <map>

#include "framework/base/text.h"

namespace flam {

namespace {

// The same prompt without its pictures: no media marker, so that the text sees nothing.
Prompt without_pictures(Prompt prompt, const std::string& marker) {
  for (size_t at; (at = prompt.text.find(marker)) != std::string::npos;) prompt.text.erase(at, marker.size());
  prompt.media.clear();
  return prompt;
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
    dataset_ = session.registry().build<Dataset>(
        config.dataset, Dataset::Input{config.task_head.type->name, options.seed, options.limit});
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
      if (options_.cancelled && options_.cancelled()) throw RunError("interrupted");
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

  std::vector<std::string> answer(const std::vector<Record>& records, bool blind) {
    std::vector<Prompt> prompts;
    for (const Record& record : records) {
      Task task = session_.task_head().task(record.request);
      if (!std::holds_alternative<Generate>(task))
        throw Error("this task head doesn't generate; it can't be evaluated yet");
      Prompt prompt = std::move(std::get<Generate>(task).prompt);
      prompts.push_back(blind
                            ? without_pictures(std::move(prompt), session_.model().tokenizer().image_token())
                            : std::move(prompt));
    }
    try {
      return answers_to(prompts);
    } catch (const Error&) {
      // Something in the batch can't be run: each alone, so that the others count.
      std::vector<std::string> out;
      for (size_t i = 0; i < prompts.size(); ++i) out.push_back(answer_alone(prompts[i], records[i], blind));
      return out;
    }
  }

  std::vector<std::string> answers_to(std::span<const Prompt> prompts) const {
    Prepared prepared = session_.prepare(prompts);
    session_.encode_media(prepared);
    CallOptions call;
    call.cancelled = options_.cancelled;
    GenerationParams generation = session_.config().generation;
    if (options_.seed) generation.seed = *options_.seed;
    std::vector<std::string> out;
    for (const Result& result : session_.generate(prepared, generation, call)) {
      out.push_back(session_.task_head().answer(result).front().second);
    }
    return out;
  }

  std::string answer_alone(const Prompt& prompt, const Record& record, bool blind) {
    constexpr size_t kTold = 10;
    try {
      return answers_to({&prompt, 1}).front();
    } catch (const Error& error) {
      failed_ += !blind;
      if (!blind && failures_.size() < kTold)
        failures_.push_back(printable(record.request.id, 4096) + ": " + error.what());
      return "";
    }
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
