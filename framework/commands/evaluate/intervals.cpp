#include "framework/commands/evaluate/intervals.h"

#include <algorithm>
#include <cmath>

#include "framework/base/error.h"
#include "framework/base/random.h"
#include "framework/base/text.h"

namespace flam {

namespace {

/// Draws selections of the records, the same ones for the same seed.
class Draws {
 public:
  Draws(int64_t records, uint64_t seed) : random_(seed), selection_(static_cast<size_t>(records)) {}

  const std::vector<int64_t>& next() {
    for (int64_t& record : selection_) record = static_cast<int64_t>(random_.below(selection_.size()));
    return selection_;
  }

 private:
  Random random_;
  std::vector<int64_t> selection_;
};

void check_resamples(int64_t resamples) {
  if (resamples < 1) throw Error(cat("the number of resamples is ", resamples, "; it must be at least 1"));
}

/// The quantile of sorted values, interpolated linearly.
double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], at - static_cast<double>(below));
}

/// Sorts the values of all selections and writes their central 95%.
template <class Result>
void set_limits(Result& result, std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  result.low = quantile(values, 0.025);
  result.high = quantile(values, 0.975);
}

double two_sided_p_value(const std::vector<double>& differences) {
  const auto count = [&](auto holds) {
    return static_cast<double>(std::count_if(differences.begin(), differences.end(), holds));
  };
  const double other_side =
      std::min(count([](double d) { return d <= 0; }), count([](double d) { return d >= 0; }));
  return std::min(1.0, 2 * (other_side + 1) / (static_cast<double>(differences.size()) + 1));
}

}  // namespace

std::vector<ScoreInterval> bootstrap(const Metric::Accumulator& run, int64_t records, uint64_t seed,
                                     int64_t resamples) {
  check_resamples(resamples);
  const Metric::Scores scores = run.scores();
  if (records < 1 || run.scores_of({0}).empty()) return {};
  std::vector<std::vector<double>> values(scores.size());  // of each score, of all selections
  Draws draws(records, seed);
  for (int64_t i = 0; i < resamples; ++i) {
    const Metric::Scores drawn = run.scores_of(draws.next());
    for (size_t s = 0; s < scores.size(); ++s) values[s].push_back(drawn[s].second);
  }
  std::vector<ScoreInterval> out;
  for (size_t s = 0; s < scores.size(); ++s) {
    out.push_back({scores[s].first, scores[s].second});
    set_limits(out.back(), values[s]);
  }
  return out;
}

std::vector<PairedTest> paired_bootstrap(const Metric::Accumulator& a, const Metric::Accumulator& b,
                                         int64_t records, uint64_t seed, int64_t resamples) {
  check_resamples(resamples);
  const Metric::Scores of_a = a.scores(), of_b = b.scores();
  const bool alike = std::equal(of_a.begin(), of_a.end(), of_b.begin(), of_b.end(),
                                [](const auto& x, const auto& y) { return x.first == y.first; });
  if (!alike)
    throw Error("the two runs have different scores; only runs with the same metric can be compared");
  if (records < 1 || a.scores_of({0}).empty() || b.scores_of({0}).empty()) return {};
  std::vector<std::vector<double>> differences(of_a.size());  // of each score, of all selections
  Draws draws(records, seed);
  for (int64_t i = 0; i < resamples; ++i) {
    const std::vector<int64_t>& selection = draws.next();
    const Metric::Scores drawn_a = a.scores_of(selection), drawn_b = b.scores_of(selection);
    for (size_t s = 0; s < of_a.size(); ++s) differences[s].push_back(drawn_a[s].second - drawn_b[s].second);
  }
  std::vector<PairedTest> out;
  for (size_t s = 0; s < of_a.size(); ++s) {
    const double value_a = of_a[s].second, value_b = of_b[s].second;
    out.push_back({of_a[s].first, value_a, value_b, value_a - value_b});
    out.back().p_value = two_sided_p_value(differences[s]);
    set_limits(out.back(), differences[s]);
  }
  return out;
}

}  // namespace flam
