#include "framework/commands/evaluate/evaluate.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/commands/evaluate/evaluation_pass.h"
#include "framework/commands/evaluate/results_folder.h"
#include "framework/commands/evaluate/scorable.h"
#include "framework/commands/evaluate/shared_run.h"
#include "framework/commands/evaluate/shots.h"
#include "framework/device/device_memory.h"
#include "framework/distributed/batch_dealer.h"
#include "framework/model/checked.h"
#include "framework/report/json.h"
#include "framework/session/media_encoder.h"
#include "framework/session/receipt.h"
#include "framework/session/session_parts.h"

namespace flam {

namespace {

using Json = nlohmann::ordered_json;

struct DropPrefetched {  // of a run that ends early
  const MediaEncoder& media;
  ~DropPrefetched() { media.drop_prefetched(); }
};

class Evaluator {
 public:
  Evaluator(const Session& session, const EvaluateOptions& options) : session_(session), options_(options) {
    const RunConfig& config = session.config();
    check_evaluation(config, options);
    Dataset::Input input = Dataset::Input::of(session.task_head());
    input.seed = options.seed;
    input.limit = options.limit;
    dataset_ = build_checked<Dataset>(session.registry(), config.dataset, input);
    for (const ComponentConfig& metric : config.metrics)
      metrics_.push_back(build_checked<Metric>(session.registry(), metric, {}));
    if (dataset_->size() == 0) throw Error("the dataset is empty");
    unscored_ = take_out_unscorable(metrics_, *dataset_, session.task_head());
    if (metrics_.empty() && options.output.empty())
      throw Error(cat("the dataset has no answers to score with (", join(unscored_, "; "),
                      "); to store the model's answers alone, name --output"));
    if (options.group) shared_.emplace(*options.group, options.cancelled);
    find_shots();
    generation_ = config.generation;
    if (options.seed) generation_.seed = *options.seed;
  }

  Evaluation run() {
    const c10::InferenceMode inference;
    std::optional<ResultsFolder> folder;
    if (!options_.output.empty()) open(folder);
    add_pass(EvaluationPass::Pictures::own, results::kAnswers, folder);
    if (options_.blind) add_pass(EvaluationPass::Pictures::none, "blind", folder);
    if (options_.swapped) add_pass(EvaluationPass::Pictures::swapped, "swapped", folder);
    const DropPrefetched at_the_end{*session_.parts().media};
    if (shared_) {
      answer_share();
      if (!shared_->is_first()) return share(folder);
      folder->take_in_others();
      all_stored_ = true;
      stages_ = shared_->milliseconds();
    }
    answer_all();
    const Evaluation out = evaluation();
    if (folder) {
      Json with_results = receipt();
      add_results(with_results, out);
      folder->commit(out, with_results);
    }
    if (shared_) shared_->end();
    return out;
  }

 private:
  void open(std::optional<ResultsFolder>& folder) {
    const std::vector<std::string> names = passes_of(options_);
    if (!shared_) {
      folder.emplace(options_.output, options_.overwrite);
      folder->begin(receipt(), names, dataset_->size());
    } else if (shared_->is_first()) {
      Group& group = shared_->group();
      // Processes that are started again continue.
      const std::string started = "evaluate/" + options_.output;
      folder.emplace(options_.output, options_.overwrite && !group.was_done(started));
      folder->begin(receipt(), names, dataset_->size());
      folder->change();
      group.mark_done(started);
      shared_->begin(shared_identity(), options_.output);
    } else if (shared_->join(shared_identity(), options_.output)) {
      folder.emplace(options_.output, false);
      folder->join(receipt(), names, shared_->group().rank());
    }
  }

  /// What must be the same in all processes.
  Json shared_identity() const {
    const Json receipt = this->receipt();
    Json out = results::identity_of(receipt);
    for (const char* part : {"flamboyance", "torch"}) out[part] = receipt[part];
    out["metrics"] = receipt["config"].value("metrics", Json());
    out["records"] = dataset_->size();
    out["batch_size"] = options_.batch_size;
    out["blind"] = options_.blind;
    out["swapped"] = options_.swapped;
    return out;
  }

  void find_shots() {
    const std::optional<ShotsConfig>& shots = session_.config().shots;
    const int64_t count = options_.shots.value_or(shots ? shots->num_shots : 0);
    if (count == 0 && (!shots || !shots->rewrites_answers())) return;
    auto source =
        build_checked<Dataset>(session_.registry(), shots->source, Dataset::Input::of(session_.task_head()));
    shots_.emplace(*shots, count, std::move(source), *dataset_);
    if (shots->selection != ShotsConfig::Selection::similar || count == 0) return;
    const bool has_file = shared_ && !shots->index.empty();
    // Rank 0 makes the file, and the others read it.
    if (has_file && !shared_->is_first()) shared_->group().wait_for("index", options_.cancelled);
    PictureIndex::Hooks hooks;
    hooks.cancelled = options_.cancelled;
    hooks.progress = [&](int64_t done, int64_t total) {
      if (options_.indexing) options_.indexing(done, total);
    };
    shots_->use(std::make_unique<PictureIndex>(session_, shots_->source(), shots->index, hooks));
    if (has_file && shared_->is_first()) shared_->group().store().set("index", "1");
  }

  void add_pass(EvaluationPass::Pictures pictures, const std::string& name,
                std::optional<ResultsFolder>& folder) {
    EvaluationPass::Context context{session_, *dataset_, metrics_, {}, &stages_};
    context.call.cancelled = options_.cancelled;
    context.call.generation = generation_;
    passes_.push_back(
        std::make_unique<EvaluationPass>(std::move(context), pictures, name, folder ? &*folder : nullptr));
  }

  /// Answers the batches that this process is dealt, and stores the answers.
  void answer_share() {
    const int64_t total = dataset_->size(), size = options_.batch_size;
    BatchDealer dealer(shared_->group(), (total + size - 1) / size);
    const auto report = [&] {
      if (shared_->is_first()) kept_ = dealer.records_kept();
      if (shared_->is_first() && options_.progress) options_.progress(dealer.records_done(), total, kept_);
    };
    report();
    if (is_anything_left()) make_context();
    const auto load = [&](const std::optional<int64_t>& batch) {
      return batch ? queries_from(*batch * size) : std::vector<Query>();
    };
    std::optional<int64_t> next = dealer.draw();
    for (std::vector<Query> loaded = load(next);;) {
      if (!next) loaded = load(next = dealer.rescue(options_.cancelled, report));
      if (!next) break;
      const int64_t batch = *next;
      next = dealer.draw();
      const std::vector<Query> queries = std::exchange(loaded, load(next));
      answer(queries);
      const int64_t kept = passes_.front()->kept_of_last_batch();
      shared_->set_milliseconds(stages_);
      dealer.finish(batch, std::ssize(queries), kept);
      answered_ += std::ssize(queries) - kept;
      report();
      shared_->group().check();
    }
    report();
  }

  /// What a rank above 0 returns, once rank 0 has joined the results.
  Evaluation share(std::optional<ResultsFolder>& folder) {
    passes_.clear();
    folder.reset();
    shared_->group().wait_for(SharedRun::kEnd, options_.cancelled);
    Evaluation out;
    out.config = session_.config().name;
    out.n = dataset_->size();
    out.answers.answered = answered_;
    return out;
  }

  /// The answers of each pass to a batch.
  std::vector<std::vector<StoredPrediction>> answer(std::vector<Query> queries) {
    std::vector<std::vector<StoredPrediction>> out;
    for (const auto& pass : passes_) {
      out.push_back(pass->answer(queries, all_stored_));
      if (out.size() > 1) continue;
      for (size_t i = queries.size(); i-- > 0;) {  // the controls are scored over the same records
        if (out.front()[i].error) queries.erase(queries.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    return out;
  }

  void answer_all() {
    const int64_t total = dataset_->size();
    int64_t kept = 0;
    if (options_.progress && !shared_) options_.progress(0, total, 0);
    if (!all_stored_ && is_anything_left()) make_context();
    std::vector<Query> next = queries_from(0);
    for (int64_t first = 0; first < total; first += options_.batch_size) {
      const auto answers = answer(std::exchange(next, queries_from(first + options_.batch_size)));
      kept += passes_.front()->kept_of_last_batch();
      for (const StoredPrediction& given : answers.front()) {
        shot_ids_.insert(given.shots.begin(), given.shots.end());
        if (options_.on_answer && !given.error) options_.on_answer(given.record, given.prediction);
      }
      for (size_t pass = 0; pass < passes_.size(); ++pass) passes_[pass]->score(answers[pass]);
      if (options_.progress && !shared_)
        options_.progress(std::min(total, first + options_.batch_size), total, kept);
    }
    if (!shared_) kept_ = kept;
    if (shared_ && kept < total) {
      log_warn(cat(counted(total - kept, "record"), " of other processes could not be found in ",
                   quoted(options_.output), " and had to be answered again"));
    }
  }

  /// A record that can't be read fails alone. RunError: the dataset breaks its contract.
  void read_record(Query& query) const {
    try {
      query.record = dataset_->at(query.index);
      query.request = query.record.request;
    } catch (const RunError&) {
      throw;
    } catch (const Error& error) {
      query.error = error.what();
    }
  }

  bool is_anything_left() const {
    return std::ranges::any_of(passes_, [&](const auto& pass) {
      for (int64_t i = 0; i < dataset_->size(); ++i)
        if (!pass->is_kept(i)) return true;
      return false;
    });
  }

  /// Shots that are the same for all queries are encoded and run once. If that is not possible, each query is
  /// answered with its whole prompt, or fails for the same reason.
  void make_context() {
    if (!shots_ || !shots_->same_for_all()) return;
    try {
      context_ = session_.context(*shots_->same_for_all());
    } catch (const OutOfMemory&) {
      return;
    } catch (const RunError&) {
      throw;
    } catch (const Error&) {
      return;
    }
    for (const auto& pass : passes_) pass->use(context_);
  }

  void prepare(Query& query) const {
    query.task = session_.task(query.request, context_.get());
    const Prompt& prompt = prompt_of(*query.task);
    const bool begun = context_ && context_->begins(prompt);
    session_.parts().media->prefetch(begun ? context_->rest(prompt).media : prompt.media);
  }

  /// A batch of queries; their pictures are loaded while the batch before is answered.
  std::vector<Query> queries_from(int64_t first) const {
    std::vector<Query> queries;
    for (int64_t i = first; i < std::min(dataset_->size(), first + options_.batch_size); ++i) {
      Query query;
      query.index = i;
      query.record.request.id = cat("record ", i);  // until it is read
      read_record(query);
      if (query.error) {
        queries.push_back(std::move(query));
        continue;
      }
      try {
        if (shots_) {
          query.request = shots_->with_shots(i, query.record, query.shots);
          CallOptions call;
          call.generation = generation_;
          query.shots.erase(query.shots.begin(),
                            query.shots.begin() + session_.drop_shots(query.request, call));
        }
        if (!all_stored_ && !passes_.front()->is_kept(i)) prepare(query);
      } catch (const Error& error) {
        query.error = error.what();
      }
      queries.push_back(std::move(query));
    }
    return queries;
  }

  Evaluation evaluation() const {
    Evaluation out;
    out.config = session_.config().name;
    out.seed = options_.seed.value_or(configured_seed());
    out.n = dataset_->size();
    out.skipped = dataset_->skipped();
    out.shots = shots_ ? shots_->count() : 0;
    out.unscored = unscored_;
    const PassScorer& answers = passes_.front()->scorer();
    out.answers = answers.result(options_.resamples);
    out.by_kind = answers.by_kind(options_.resamples);
    for (size_t i = 1; i < passes_.size(); ++i) {
      EvaluatedPass control = passes_[i]->scorer().result(options_.resamples);
      control.tests = answers.test_against(passes_[i]->scorer(), options_.resamples);
      out.controls.emplace_back(passes_[i]->name(), std::move(control));
    }
    return out;
  }

  int64_t configured_seed() const {
    const Value tree = session_.config().dataset.resolved();
    const Value* seed = tree.find("seed");
    return seed && seed->is_int() ? seed->as_int() : 0;
  }

  /// What is run, without results.
  Json receipt() const {
    Json out = make_receipt(session_, generation_, {}, {}, {});
    out.erase("runs");
    Json& evaluation = out["evaluation"];
    evaluation["records"] = dataset_->size();
    evaluation["skipped"] = dataset_->skipped();
    evaluation["batch_size"] = options_.batch_size;
    if (options_.seed) evaluation["seed"] = *options_.seed;
    if (shots_) {
      evaluation["shots"] = to_json(session_.config().shots->resolved());
      evaluation["shots"]["num_shots"] = shots_->count();
    }
    return out;
  }

  void add_results(Json& receipt, const Evaluation& result) const {
    Json& evaluation = receipt["evaluation"];
    evaluation["failed"] = result.answers.failed;
    evaluation["answered_before"] = kept_;
    if (shots_) evaluation["shot_ids"] = shot_ids_;
    for (const auto& [stage, milliseconds] : stages_) receipt["milliseconds"][stage] = milliseconds;
  }

  const Session& session_;
  const EvaluateOptions& options_;
  GenerationParams generation_;
  std::unique_ptr<Dataset> dataset_;
  Metrics metrics_;
  std::vector<std::string> unscored_;
  std::optional<Shots> shots_;
  std::shared_ptr<const PromptContext> context_;         // of shots that are the same for all queries
  std::vector<std::unique_ptr<EvaluationPass>> passes_;  // the first one with the records' own pictures
  std::map<std::string, double> stages_;                 // milliseconds
  std::set<std::string> shot_ids_;
  int64_t kept_ = 0, answered_ = 0;
  bool all_stored_ = false;  // by the processes of the group: what failed is not tried again
  std::optional<SharedRun> shared_;
};

}  // namespace

Evaluation evaluate(const Session& session, const EvaluateOptions& options) {
  return Evaluator(session, options).run();
}

}  // namespace flam
