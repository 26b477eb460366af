#pragma once
#include <string>
#include <vector>

#include "framework/component/metric.h"

namespace flam {

/// A score and its 95% confidence interval.
struct ScoreInterval {
  std::string name;
  double value = 0;  // over all records
  double low = 0, high = 0;
};

/// Whether two runs over the same records differ in a score. The difference is a − b.
struct PairedTest {
  std::string name;
  double a = 0, b = 0;  // over all records
  double difference = 0;
  double low = 0, high = 0;  // 95% confidence interval of the difference
  double p_value = 1;        // two-sided; the smallest possible value is 2 / (resamples + 1)
};

/// Bootstrap confidence intervals by the percentile method (Efron and Tibshirani, "An Introduction to the
/// Bootstrap", chapter 13): each of `resamples` times, it draws as many of the records as there are, with
/// replacement, and scores them. One interval for each score of `run`, in the order of its scores(); none if
/// the metric can't score selections, or there are no records. The result depends only on the arguments.
/// `records` is the number of records that were added to `run`. Error: there is not at least one resample.
FLAM_API std::vector<ScoreInterval> bootstrap(const Metric::Accumulator& run, int64_t records,
                                              uint64_t seed = 0, int64_t resamples = 1000);

/// A paired bootstrap test between two runs of one metric: each selection of records is scored in both runs.
/// The p-value is twice the share of the selections whose difference is zero or on the other side of zero
/// (with one more counted, so that it is never 0), and at most 1. Record i of `a` and record i of `b` must be
/// the same record. Error: the runs have different scores, or there is not at least one resample.
FLAM_API std::vector<PairedTest> paired_bootstrap(const Metric::Accumulator& a, const Metric::Accumulator& b,
                                                  int64_t records, uint64_t seed = 0,
                                                  int64_t resamples = 1000);

}  // namespace flam
