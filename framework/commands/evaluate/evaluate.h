#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/commands/evaluate/evaluation.h"
#include "framework/distributed/group.h"
#include "framework/session/session.h"

namespace flam {

struct EvaluateOptions {
  std::optional<int64_t> seed, limit;  // replace the dataset's values
  std::optional<int64_t> shots;        // replaces the config's shots.num_shots
  int64_t batch_size = 50;
  bool blind = true;       // also answer without pictures, as a control
  bool swapped = false;    // also answer each record with the picture of another one, as a control
  int64_t resamples = 0;   // of confidence intervals and tests; 0: none
  std::string output;      // folder of results (see ResultsFolder); "" for none
  bool overwrite = false;  // the results in the folder instead of continuing them
  Group* group = nullptr;  // of the processes that share the run; all of them call evaluate() alike
  /// Called for every answer that was given with the pictures, in the order of the records. It is not called
  /// for records that failed.
  std::function<void(const Record& record, const Prediction& prediction)> on_answer;
  /// `kept` of the `done` records were answered before the run. In a group, only rank 0 reports it, for all.
  std::function<void(int64_t done, int64_t total, int64_t kept)> progress;
  std::function<void(int64_t done, int64_t total)> indexing;  // of the pictures of similar shots
  std::function<bool()> cancelled;
};

/// The passes of an evaluation by name, in order: the answers, then the controls.
std::vector<std::string> passes_of(const EvaluateOptions& options);

/// Finds what can be found before the weights are loaded, for RunOptions::before_loading. Error: the config
/// has no dataset, no metrics, no task head, or no shots although some are asked for; several processes have
/// no `output`; or it can't be written (see results::require_usable()).
FLAM_API void check_evaluation(const RunConfig& config, const EvaluateOptions& options);

/// Answers every record of the config's dataset, and scores the answers with the config's metrics. With
/// `output`, the session must have been opened with RunOptions::hash_weights; predictions are stored after
/// each batch, and a run that was ended at any moment continues after the last one. Error: as in
/// check_evaluation(), the dataset is empty, shots are impossible (see Shots), or the folder has other
/// results (see ResultsFolder). RunError: a metric gives a score that is not a finite number, which breaks
/// the contract of Metric, or a file can't be written.
///
/// The processes of a group need an `output` that all of them share. They answer the batches that they are
/// dealt, and rank 0 joins and scores the results, which are those of a single process. In the other ranks,
/// the Evaluation has no scores, but the number of records that the rank answered itself. Error, in one of
/// them: it was started with another config, dataset or options than rank 0, or its folder is not that of
/// rank 0.
FLAM_API Evaluation evaluate(const Session& session, const EvaluateOptions& options);

}  // namespace flam
