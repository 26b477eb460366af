#pragma once
#include <map>
#include <string>
#include <vector>

#include "framework/commands/evaluate/results_folder.h"
#include "framework/commands/evaluate/scorer.h"
#include "framework/session/session.h"

namespace flam {

/// A record of the dataset, and what is asked about it.
struct Query {
  int64_t index = 0;
  Record record;
  Request request;                   // with shots
  std::vector<std::string> shots;    // their ids
  std::optional<Task> task;          // of `request`; not made if its answer is stored already
  std::optional<std::string> error;  // why it can't be asked
};

/// Answers, stores and scores the records with one choice of pictures.
class EvaluationPass {
 public:
  enum class Pictures { own, none, swapped };
  struct Context {
    const Session& session;
    const Dataset& dataset;
    const Metrics& metrics;
    CallOptions call;
    std::map<std::string, double>* milliseconds;  // by stage; the pass adds to them
  };

  /// `name` is that of its predictions in the folder, which may be null.
  EvaluationPass(Context context, Pictures pictures, const std::string& name, ResultsFolder* folder);

  const std::string& name() const { return name_; }
  /// Prompts that begin with its shots are answered from it.
  void use(std::shared_ptr<const PromptContext> context) { context_.call.context = std::move(context); }
  /// Whether the record's answer is in the folder already.
  bool is_kept(int64_t index) const;
  /// Answers a batch, except what is in the folder already. A batch of which only a part was stored is
  /// answered anew as a whole, so that the answers do not depend on where a run was ended. Records that
  /// failed are tried again, unless `keep_failures`. Error: the folder has a prediction for another record in
  /// the place of one of these.
  std::vector<StoredPrediction> answer(const std::vector<Query>& queries, bool keep_failures = false);
  void score(const std::vector<StoredPrediction>& predictions);
  /// How many answers of the last batch were in the folder already.
  int64_t kept_of_last_batch() const { return kept_; }
  const PassScorer& scorer() const { return scorer_; }

 private:
  /// What is asked about a query: its request, or the one with another record's pictures.
  struct Asked {
    Request request;
    std::string picture_of;
  };
  Asked asked_about(const Query& query) const;
  /// Takes predictions from the folder; returns which queries have to be asked.
  std::vector<size_t> take_stored(const std::vector<Query>& queries, bool keep_failures,
                                  std::vector<StoredPrediction>& out);
  void ask(const std::vector<Query>& queries, const std::vector<size_t>& which,
           std::vector<StoredPrediction>& out);

  Context context_;
  const Pictures pictures_;
  const std::string name_;
  ResultsFolder* folder_;
  PredictionFile* file_ = nullptr;
  PassScorer scorer_;
  int64_t kept_ = 0;
};

}  // namespace flam
