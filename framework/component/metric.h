#pragma once
#include "framework/component/dataset.h"

namespace flam {

/// metric: answers and records → named scores. A metric creates an accumulator for each run.
class FLAM_API Metric : public Component {
 public:
  static constexpr const char* kKind = "metric";
  struct Input {};
  using Scores = std::vector<std::pair<std::string, double>>;

  class FLAM_API Accumulator {
   public:
    virtual ~Accumulator();
    virtual void add(const Record& record, const std::string& answer) = 0;
    /// At least one score; each name occurs once and each value is finite. It is also called if there were no
    /// records.
    virtual Scores scores() const = 0;
  };

  ~Metric() override;
  virtual std::unique_ptr<Accumulator> start() const = 0;
};

}  // namespace flam
