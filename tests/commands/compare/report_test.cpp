#include "framework/commands/compare/compare_report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "framework/commands/compare/compare_values.h"

namespace flam {
namespace {

TEST(Report, IntervalsFollowStudentsT) {
  const Interval three = interval_of({11.0, 12.0, 13.0});
  EXPECT_DOUBLE_EQ(three.mean, 12.0);
  EXPECT_NEAR(three.high - three.mean, 4.303 / std::sqrt(3.0), 1e-9);  // t for two degrees of freedom
  EXPECT_NEAR(three.mean - three.low, three.high - three.mean, 1e-12);
  const Interval times = interval_of({1.0, 1.0, 40.0});  // half of it would reach below zero
  EXPECT_EQ(times.low, 0.0);
  EXPECT_GT(times.high, 40.0);
  const Interval two = interval_of({3.0, 1.0});
  EXPECT_EQ(two.low, 1.0);
  EXPECT_EQ(two.high, 3.0);
  const Interval one = interval_of({5.0});
  EXPECT_EQ(one.low, 5.0);
  EXPECT_EQ(one.high, 5.0);
  EXPECT_EQ(one.n, 1);
}

TEST(Report, TheTableAlignsKnownValues) {
  const auto report = nlohmann::ordered_json::parse(R"({
    "seeds": [1, 2],
    "columns": [{"key": "parameters", "title": "parameters", "unit": "", "lower_is_better": true},
                {"key": "latency_ms", "title": "latency", "unit": "ms", "lower_is_better": true}],
    "variants": [
      {"name": "a", "status": "done", "values": {
        "parameters": {"mean": 1234567, "low": 1234567, "high": 1234567, "n": 1},
        "latency_ms": {"mean": 12.5, "low": 12.0, "high": 13.0, "n": 2}}},
      {"name": "größer", "status": "failed", "reason": "no", "values": {}}]})");
  EXPECT_EQ(report_text(report),
            "variant  parameters  latency ms\n"
            "a         1,234,567    12 to 13\n"
            "größer\n"
            "Ranges: the values of two seeds\n"
            "größer: failed; no\n");
}

}  // namespace
}  // namespace flam
