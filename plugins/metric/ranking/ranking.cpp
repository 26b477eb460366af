// metric `ranking`: how well a model chooses among candidates: accuracy, and the area under the ROC curve.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "framework/sdk.h"

namespace flam {

namespace {

struct RankingParams {
  std::vector<std::string> scores = {"accuracy", "roc_auc"};
  std::string positive;

  void visit(ParamVisitor& v) {
    v("scores", scores,
      "accuracy: the share of records whose likeliest candidate is one of the references; roc_auc: the area "
      "under the ROC curve, for records that are positive or negative",
      choices("accuracy", "roc_auc"));
    v("positive", positive,
      "the candidate that makes a record positive if it is a reference, for roc_auc; empty: the second of "
      "two");
  }
};

bool is_reference(const Record& record, const std::string& text) {
  return std::ranges::find(record.references, text) != record.references.end();
}

class Ranking final : public Metric {
 public:
  explicit Ranking(const RankingParams& params) : params_(params) {
    if (params.scores.empty()) throw Error("`scores` is empty; name at least one");
    for (const std::string& score : params.scores) {
      if (std::ranges::count(params.scores, score) > 1)
        throw Error(cat("`scores` names ", quoted(score), " twice"));
    }
  }

  std::unique_ptr<Accumulator> start() const override { return std::make_unique<Run>(params_); }

 private:
  class Run final : public Accumulator {
   public:
    explicit Run(const RankingParams& params) : params_(params) {}

    void add(const Record& record, const Prediction& prediction) override {
      const auto& candidates = prediction.candidates;
      if (candidates.empty()) {
        throw Error(cat("metric 'ranking': the answer to record ", quoted(record.request.id),
                        " has no candidates; use a task head that ranks (ranking, classification)"));
      }
      if (record.references.empty()) {
        throw Error(cat("metric 'ranking': record ", quoted(record.request.id),
                        " has no references, which name its right answers; it needs at least one"));
      }
      Ranked ranked;
      ranked.right = is_reference(record, std::ranges::max_element(candidates, {}, &Candidate::score)->text);
      if (std::ranges::find(params_.scores, "roc_auc") != params_.scores.end()) {
        const size_t positive = positive_of(record, candidates);
        ranked.positive = is_reference(record, candidates[positive].text);
        ranked.log_odds = log_odds(candidates, positive);
        if (std::isnan(ranked.log_odds)) {
          throw RunError(cat("metric 'ranking': the scores of the candidates of record ",
                             quoted(record.request.id), " are not numbers"));
        }
      }
      records_.push_back(ranked);
      ascending_.clear();
    }

    Scores scores() const override {
      std::vector<int64_t> all(records_.size());
      std::iota(all.begin(), all.end(), 0);
      return scores_of(all);
    }
    Scores scores_of(const std::vector<int64_t>& records) const override {
      Scores out;
      for (const std::string& score : params_.scores)
        out.emplace_back(score, score == "accuracy" ? accuracy(records) : roc_auc(records));
      return out;
    }

   private:
    struct Ranked {
      bool right = false;     // the likeliest candidate is a reference
      bool positive = false;  // the record is positive
      double log_odds = 0;    // of the positive candidate against all others
    };

    size_t positive_of(const Record& record, const std::vector<Candidate>& candidates) const {
      if (params_.positive.empty() && candidates.size() == 2) return 1;
      const auto found = std::ranges::find(candidates, params_.positive, &Candidate::text);
      if (params_.positive.empty() || found == candidates.end() || candidates.size() < 2) {
        std::vector<std::string> texts;
        texts.reserve(candidates.size());
        for (const Candidate& candidate : candidates) texts.push_back(quoted(candidate.text));
        throw Error(cat("metric 'ranking': the candidates of record ", quoted(record.request.id), " are ",
                        join(texts, ", "), "; roc_auc needs ",
                        params_.positive.empty() ? "two of them, or the parameter `positive`"
                                                 : cat(quoted(params_.positive), " among two or more"),
                        " (without roc_auc: scores: [accuracy])"));
      }
      return static_cast<size_t>(found - candidates.begin());
    }

    /// Larger by the same order as the probability, but without its rounding to 0 and 1.
    static double log_odds(const std::vector<Candidate>& candidates, size_t positive) {
      double most = -std::numeric_limits<double>::infinity(), sum = 0;
      for (size_t i = 0; i < candidates.size(); ++i)
        if (i != positive) most = std::max(most, candidates[i].score);
      for (size_t i = 0; i < candidates.size(); ++i)
        if (i != positive) sum += std::exp(candidates[i].score - most);
      return candidates[positive].score - (most + std::log(sum));
    }

    double accuracy(const std::vector<int64_t>& records) const {
      if (records.empty()) return 0;
      const auto right = std::ranges::count_if(records, [&](int64_t i) { return at(i).right; });
      return static_cast<double>(right) / static_cast<double>(records.size());
    }

    /// The share of pairs of a positive and a negative record in which the positive one has the higher odds;
    /// equal odds count half. 0.5 if there are no such pairs.
    double roc_auc(const std::vector<int64_t>& records) const {
      std::vector<double> times(records_.size(), 0);
      for (const int64_t i : records) ++times[static_cast<size_t>(i)];
      double pairs = 0, positives = 0, negatives = 0;
      const std::vector<int64_t>& order = ascending();
      for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
        double positive = 0, negative = 0;  // with equal odds
        for (; end < order.size() && at(order[end]).log_odds == at(order[begin]).log_odds; ++end)
          (at(order[end]).positive ? positive : negative) += times[static_cast<size_t>(order[end])];
        pairs += positive * (negatives + negative / 2);
        positives += positive;
        negatives += negative;
      }
      return positives * negatives > 0 ? pairs / (positives * negatives) : 0.5;
    }

    /// The records by ascending odds.
    const std::vector<int64_t>& ascending() const {
      if (ascending_.size() != records_.size()) {
        ascending_.resize(records_.size());
        std::iota(ascending_.begin(), ascending_.end(), 0);
        std::ranges::sort(ascending_, {}, [&](int64_t i) { return at(i).log_odds; });
      }
      return ascending_;
    }

    const Ranked& at(int64_t i) const { return records_[static_cast<size_t>(i)]; }

    const RankingParams& params_;
    std::vector<Ranked> records_;
    mutable std::vector<int64_t> ascending_;  // computed when it is needed
  };

  RankingParams params_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<Ranking, RankingParams>("ranking", "accuracy and ROC-AUC of choices among candidates");
}

}  // namespace flam
