#pragma once
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "framework/commands/evaluate/results_folder.h"
#include "framework/commands/evaluate/scorer.h"
#include "framework/component/task_head.h"

namespace flam {

/// Tries which metrics can score some records, each of them with the first record of every form: number of
/// references, candidates, names of facts.
class MetricTrial {
 public:
  explicit MetricTrial(Metrics& metrics) : metrics_(metrics), problems_(metrics.size()) {}

  /// `answer` is called for a record of a new form. An Error that it throws is ignored, because such a record
  /// fails by itself.
  void add(const Record& record, const std::function<Prediction()>& answer);
  /// If no record had references, as in a test set, takes the metrics that need some out of the list, and
  /// returns their errors. Error: a metric can't score one of the records, and some have references.
  std::vector<std::string> take_out_unscorable();

 private:
  Metrics& metrics_;
  std::vector<std::optional<std::string>> problems_;  // of each metric: its first error
  std::set<std::string> forms_;
  bool any_references_ = false;
};

/// The trial with all records of a dataset, before a model answers any: with their first reference as the
/// answer, and for a head that ranks with equal scores. RunError: the dataset breaks its contract.
std::vector<std::string> take_out_unscorable(Metrics& metrics, const Dataset& dataset, const TaskHead& head);
/// The trial with stored answers.
std::vector<std::string> take_out_unscorable(Metrics& metrics, const StoredResults& results);

}  // namespace flam
