// metric `no_number`: gives a score that is not finite, like a metric with a bug.
#include <limits>

#include "framework/sdk.h"

namespace flam {

namespace {

struct NoNumberParams {
  void visit(ParamVisitor&) {}
};

class NoNumber final : public Metric {
 public:
  explicit NoNumber(const NoNumberParams&) {}
  std::unique_ptr<Accumulator> start() const override { return std::make_unique<Nothing>(); }

 private:
  class Nothing final : public Accumulator {
   public:
    void add(const Record&, const std::string&) override {}
    Scores scores() const override { return {{"ratio", std::numeric_limits<double>::quiet_NaN()}}; }
  };
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<NoNumber, NoNumberParams>("no_number", "not a number");
}

}  // namespace flam
