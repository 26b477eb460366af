#pragma once
// The scores of a run, and how they are printed.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "framework/commands/evaluate/intervals.h"
#include "framework/component/metric.h"

namespace flam {

/// The result of one pass over the dataset. A record that can't be run counts as failed and not as a wrong
/// answer: the scores leave it out. This holds for the control, too.
struct EvaluatedPass {
  int64_t answered = 0, failed = 0;
  std::vector<std::string> failures;     // "ID: message" of the first ten that failed
  Metric::Scores scores;                 // over the records that were answered; empty if none was
  std::vector<ScoreInterval> intervals;  // if they were asked for, of the metrics that have them
  std::vector<PairedTest> tests;         // of a control: answers − control
};

struct Evaluation {
  std::string config;
  int64_t seed = 0;
  int64_t n = 0;        // number of records in the dataset
  int64_t skipped = 0;  // entries of the dataset's files that it leaves out
  int64_t shots = 0;    // examples before each query
  /// Why metrics of the config gave no scores, for a dataset without answers.
  std::vector<std::string> unscored;
  EvaluatedPass answers;
  std::vector<std::pair<std::string, EvaluatedPass>> controls;  // "blind": without pictures, "swapped"
  std::vector<std::pair<std::string, EvaluatedPass>> by_kind;   // of `answers`, by kind of record
};

/// {"config", "seed", "n", "skipped", "shots", "unscored", "failed", "scores": {NAME: VALUE}, "intervals":
/// {NAME: [LOW, HIGH]}, "controls": {CONTROL: {NAME: VALUE}}, "control_intervals", "control_tests",
/// "controls_failed", "by_kind": {KIND: {NAME: VALUE}}, "kind_counts", "kind_intervals"}; what there is none
/// of is left out.
FLAM_API nlohmann::ordered_json evaluation_json(const Evaluation& evaluation);
/// The table that `flam evaluate` and `flam score` print.
FLAM_API std::string evaluation_text(const Evaluation& evaluation);

FLAM_API nlohmann::ordered_json tests_json(const std::vector<PairedTest>& tests);
/// One line for each test: "  exact  0.61 − 0.35 = 0.26 [0.21, 0.31], p 0.002".
FLAM_API std::string tests_text(const std::vector<PairedTest>& tests);

}  // namespace flam
