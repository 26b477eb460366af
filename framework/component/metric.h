#pragma once
#include "framework/component/dataset.h"

namespace flam {

/// What a model answered to one record.
struct Prediction {
  std::string text;                        // the first field of the answer
  std::vector<Candidate> candidates = {};  // of a task head that ranks: each of them with its score
};

/// metric: predictions and records → named scores. A metric creates an accumulator for each run.
class FLAM_API Metric : public Component {
 public:
  static constexpr const char* kKind = "metric";
  struct Input {};
  using Scores = std::vector<std::pair<std::string, double>>;

  class FLAM_API Accumulator {
   public:
    virtual ~Accumulator();
    virtual void add(const Record& record, const Prediction& prediction) = 0;
    /// At least one score; each name occurs once and each value is finite. It is also called if there were no
    /// records.
    virtual Scores scores() const = 0;
    /// The same scores, in the same order, over a selection of the records: record i is the one of the i-th
    /// call of add(), counted from 0, and counts as often as it occurs. Confidence intervals and tests
    /// between two runs draw many selections. By default nothing, so that there are no intervals.
    virtual Scores scores_of(const std::vector<int64_t>& records) const;
  };

  ~Metric() override;
  virtual std::unique_ptr<Accumulator> start() const = 0;
};

}  // namespace flam
