#include "framework/sdk.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

TEST(MyComponent, CountsAnswersThatHoldAReference) {
  const Built<Metric> metric("{type: my_component}");
  const auto accumulator = metric->start();
  EXPECT_EQ(accumulator->scores(), (Metric::Scores{{"contains", 0.0}}));
  Record record;
  record.references = {"cat", "kitten"};
  accumulator->add(record, {"a black cat"});
  accumulator->add(record, {"a dog"});
  EXPECT_EQ(accumulator->scores(), (Metric::Scores{{"contains", 0.5}}));
  EXPECT_EQ(accumulator->scores_of({0, 0, 0, 1}), (Metric::Scores{{"contains", 0.75}}));
}

TEST(MyComponent, RunsAreApart) {
  const Built<Metric> metric("{type: my_component}");
  const auto first = metric->start(), second = metric->start();
  Record record;
  record.references = {"cat"};
  first->add(record, {"cat"});
  EXPECT_EQ(second->scores(), (Metric::Scores{{"contains", 0.0}}));
}

}  // namespace
}  // namespace flam
