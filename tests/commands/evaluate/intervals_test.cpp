#include "framework/commands/evaluate/intervals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/error.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// The mean of one number for each record, and its negative.
class Mean final : public Metric::Accumulator {
 public:
  explicit Mean(std::vector<double> values, std::string name = "mean")
      : values_(std::move(values)), name_(std::move(name)) {}

  void add(const Record&, const Prediction&) override {}
  Metric::Scores scores() const override {
    std::vector<int64_t> all(values_.size());
    for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int64_t>(i);
    return scores_of(all);
  }
  Metric::Scores scores_of(const std::vector<int64_t>& records) const override {
    double sum = 0;
    for (const int64_t i : records) sum += values_[static_cast<size_t>(i)];
    const double mean = records.empty() ? 0 : sum / static_cast<double>(records.size());
    return {{name_, mean}, {"negative", -mean}};
  }

 private:
  std::vector<double> values_;
  std::string name_;
};

class WithoutSelections final : public Metric::Accumulator {
 public:
  void add(const Record&, const Prediction&) override {}
  Metric::Scores scores() const override { return {{"mean", 0.5}}; }
};

/// `ones` ones among `total` numbers.
std::vector<double> proportion(size_t ones, size_t total) {
  std::vector<double> values(total, 0.0);
  std::fill_n(values.begin(), ones, 1.0);
  return values;
}

TEST(Bootstrap, IntervalOfAProportionIsNearItsNormalApproximation) {
  // 0.3 ± 1.96 · sqrt(0.3 · 0.7 / 1000)
  const auto intervals = bootstrap(Mean(proportion(300, 1000)), 1000, 7, 4000);
  ASSERT_THAT(intervals, SizeIs(2));
  EXPECT_EQ(intervals[0].name, "mean");
  EXPECT_DOUBLE_EQ(intervals[0].value, 0.3);
  EXPECT_NEAR(intervals[0].low, 0.3 - 0.0284, 0.0025);
  EXPECT_NEAR(intervals[0].high, 0.3 + 0.0284, 0.0025);
  EXPECT_EQ(intervals[1].name, "negative");
  EXPECT_DOUBLE_EQ(intervals[1].low, -intervals[0].high);
  EXPECT_DOUBLE_EQ(intervals[1].high, -intervals[0].low);
}

TEST(Bootstrap, LimitsAreInterpolatedQuantilesOfTheResamples) {
  const auto one = bootstrap(Mean({0, 1, 2, 3}), 4, 5, 1);  // a single resample is both limits
  EXPECT_EQ(one[0].low, one[0].high);
  const auto constant = bootstrap(Mean({2, 2, 2}), 3);
  EXPECT_EQ(constant[0].low, 2);
  EXPECT_EQ(constant[0].high, 2);
}

TEST(Bootstrap, DependsOnTheSeedAlone) {
  const Mean run(proportion(30, 100));
  const auto a = bootstrap(run, 100, 1), b = bootstrap(run, 100, 1), c = bootstrap(run, 100, 2, 7);
  EXPECT_EQ(a[0].low, b[0].low);
  EXPECT_EQ(a[0].high, b[0].high);
  EXPECT_NE(a[0].low, c[0].low);
}

TEST(Bootstrap, NothingWithoutRecordsOrWithoutSelections) {
  EXPECT_THAT(bootstrap(Mean({}), 0), IsEmpty());
  EXPECT_THAT(bootstrap(WithoutSelections(), 5), IsEmpty());
  EXPECT_THAT(paired_bootstrap(Mean({}), Mean({}), 0), IsEmpty());
  EXPECT_THAT(paired_bootstrap(WithoutSelections(), WithoutSelections(), 5), IsEmpty());
}

TEST(Bootstrap, WithoutResamplesIsAnError) {
  EXPECT_THAT(test::error_of([] { bootstrap(Mean({1}), 1, 0, 0); }), HasSubstr("resamples is 0"));
  EXPECT_THAT(test::error_of([] { paired_bootstrap(Mean({1}), Mean({1}), 1, 0, -1); }),
              HasSubstr("resamples is -1"));
}

TEST(PairedBootstrap, EqualRunsDoNotDiffer) {
  const auto tests = paired_bootstrap(Mean(proportion(30, 100)), Mean(proportion(30, 100)), 100);
  ASSERT_THAT(tests, SizeIs(2));
  for (const PairedTest& test : tests) {
    EXPECT_EQ(test.difference, 0);
    EXPECT_EQ(test.low, 0);
    EXPECT_EQ(test.high, 0);
    EXPECT_EQ(test.p_value, 1);
  }
}

TEST(PairedBootstrap, ARunThatIsBetterOnEveryRecordHasTheSmallestPValue) {
  const auto tests = paired_bootstrap(Mean({1, 2, 3}), Mean({0, 1, 2}), 3, 4, 999);
  EXPECT_EQ(tests[0].name, "mean");
  EXPECT_EQ(tests[0].a, 2);
  EXPECT_EQ(tests[0].b, 1);
  EXPECT_EQ(tests[0].difference, 1);
  EXPECT_DOUBLE_EQ(tests[0].low, 1);
  EXPECT_DOUBLE_EQ(tests[0].high, 1);
  EXPECT_DOUBLE_EQ(tests[0].p_value, 2.0 / 1000);
  EXPECT_DOUBLE_EQ(tests[1].p_value, 2.0 / 1000);  // the sign of the difference does not matter
}

TEST(PairedBootstrap, PairsTheRecords) {
  // Run a is right where b is wrong on 60 records, the reverse holds on 40, and both agree on 300. Over the
  // records of both kinds, the difference is (60 − 40) / 400, and its standard error
  // sqrt(100/400 − 0.05²) / 20 = 0.02487, so that z = 2.01 and p = 0.044.
  std::vector<double> a = proportion(60, 400), b(400, 0.0);
  std::fill_n(b.begin() + 60, 40, 1.0);
  std::fill_n(a.begin() + 100, 150, 1.0);
  std::fill_n(b.begin() + 100, 150, 1.0);
  const auto tests = paired_bootstrap(Mean(a), Mean(b), 400, 3, 10000);
  EXPECT_DOUBLE_EQ(tests[0].difference, 210.0 / 400 - 190.0 / 400);
  EXPECT_NEAR(tests[0].low, 0.05 - 1.96 * 0.02487, 0.004);
  EXPECT_NEAR(tests[0].high, 0.05 + 1.96 * 0.02487, 0.004);
  EXPECT_NEAR(tests[0].p_value, 0.044, 0.012);
}

TEST(PairedBootstrap, RunsWithOtherScoresCannotBeCompared) {
  EXPECT_THAT(test::error_of([] { paired_bootstrap(Mean({1}), Mean({1}, "other"), 1); }),
              HasSubstr("different scores"));
}

}  // namespace
}  // namespace flam
