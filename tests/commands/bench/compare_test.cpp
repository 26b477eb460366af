// Results as JSON, and what changed between two of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/commands/bench/bench_compare.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using nlohmann::ordered_json;
using test::error_of;
using testing::HasSubstr;
using Verdict = StageChange::Verdict;

StageResult stage(const std::string& name, double q1, double median, double q3) {
  StageResult out;
  out.name = name;
  out.ms = {median, q1, q3, 5};
  out.limit = {1, 3};
  out.flops = 2e9;
  out.bytes = 1e8;
  out.item = "token";
  out.items = 1;
  return out;
}

BenchResult result() {
  BenchResult out;
  out.config = "made_up";
  out.weights = "random";
  out.device = "cpu";
  out.dtype = "float32";
  out.threads = 2;
  out.repeat = 5;
  out.bytes_per_second = {2e10, 1.9e10, 2.1e10, 5};
  out.flops_per_second = {1e11, 0.9e11, 1.1e11, 5};
  out.buffer_bytes = int64_t{2} << 30;
  out.stages = {stage("prefill", 90, 100, 110), stage("decode_step", 9, 10, 11)};
  return out;
}

Verdict verdict(const BenchResult& old, const BenchResult& now) {
  return compare_results(old, now).at(0).verdict;
}

TEST(BenchResult, AsJsonHasEveryStageWithItsLimit) {
  const ordered_json json = bench_json(result());
  const ordered_json& step = json.at("stages").at("decode_step");
  EXPECT_EQ(step.at("ms"), 10);
  EXPECT_EQ(step.at("limit_ms"), 4);
  EXPECT_DOUBLE_EQ(step.at("fraction").get<double>(), 0.4);
  EXPECT_EQ(step.at("bound"), "memory");
  EXPECT_EQ(json.at("tokens_per_second"), 100);
  EXPECT_EQ(json.at("bytes_per_step"), 1e8);
}

TEST(BenchResult, IsReadAsItWasWritten) {
  BenchResult written = result();
  written.set = {"generation.num_beams=2"};
  const std::string json = bench_json(written).dump();
  EXPECT_EQ(bench_json(read_bench(json, "old.json")).dump(), json);
}

TEST(BenchResult, RefusesOtherJson) {
  const auto error = [](const std::string& text) { return error_of([&] { read_bench(text, "old.json"); }); };
  EXPECT_THAT(error("stage"), HasSubstr("'old.json' is not what `flam bench --json` prints: it is not JSON"));
  EXPECT_THAT(error(std::string(100'000, '[')), HasSubstr("nested too deeply"));
  EXPECT_THAT(error("[]"), HasSubstr("the text must be an object"));
  EXPECT_THAT(error("{}"), HasSubstr("schema must be a value"));
  const auto with = [](const std::string& pointer, const ordered_json& value) {
    ordered_json json = bench_json(result());
    json[ordered_json::json_pointer(pointer)] = value;
    return json.dump();
  };
  EXPECT_THAT(error(with("/schema", "flam bench 0")), HasSubstr("was written by another version"));
  EXPECT_THAT(error(with("/threads", "two")), HasSubstr("threads must be a whole number"));
  EXPECT_THAT(error(with("/set", ordered_json::array({1}))), HasSubstr("set must be a list of texts"));
  EXPECT_THAT(error(with("/stages/prefill/ms", -1)), HasSubstr("stages.prefill.ms must be a number"));
  EXPECT_THAT(error(with("/stages/prefill/ms", 0)), HasSubstr("stages.prefill.ms must be a number above 0"));
  EXPECT_THAT(error(with("/machine/bytes_per_second", 1)),
              HasSubstr("machine.bytes_per_second must be an object"));
  EXPECT_THAT(error(with("/stages/prefill", ordered_json::object())),
              HasSubstr("stages.prefill.ms must be a value"));
}

TEST(BenchCompare, SmallChangesAreWithinNoise) {
  BenchResult now = result();
  EXPECT_EQ(verdict(result(), now), Verdict::within_noise);
  now.stages[0] = stage("prefill", 85, 95, 105);
  EXPECT_EQ(verdict(result(), now), Verdict::within_noise);
  now.stages[0] = stage("prefill", 112, 113, 114);
  EXPECT_EQ(verdict(result(), now), Verdict::within_noise) << "apart, but by less than 5%";
}

TEST(BenchCompare, AStageChangedIfItsQuartilesAreApart) {
  BenchResult now = result();
  now.stages[0] = stage("prefill", 70, 80, 85);
  EXPECT_EQ(verdict(result(), now), Verdict::faster);
  now.stages[0] = stage("prefill", 118, 120, 130);
  EXPECT_EQ(verdict(result(), now), Verdict::slower);
}

TEST(BenchCompare, ASlowerMachineExplainsASlowerStage) {
  BenchResult now = result();
  now.bytes_per_second.median /= 2;
  now.flops_per_second.median /= 2;
  now.stages[0] = stage("prefill", 190, 200, 210);
  EXPECT_EQ(compare_results(result(), now).at(0).machine_ratio, 2);
  EXPECT_EQ(verdict(result(), now), Verdict::within_noise);
  now.stages[0] = stage("prefill", 290, 300, 310);
  EXPECT_EQ(verdict(result(), now), Verdict::slower);
  now.dtype = "bfloat16";  // then the peaks are not of the same products
  EXPECT_EQ(compare_results(result(), now).at(0).machine_ratio, 1);
}

TEST(BenchCompare, NamesStagesThatRanOnce) {
  BenchResult now = result();
  now.stages[0].name = "vision";
  const auto changes = compare_results(result(), now);
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes[0].verdict, Verdict::only_now);
  EXPECT_EQ(changes[2].verdict, Verdict::only_before);
  EXPECT_THAT(changes_text(result(), now), HasSubstr("only before"));
}

TEST(BenchCompare, RefusesOtherWork) {
  const auto error = [](const BenchResult& now) {
    return error_of([&] { check_comparable(result(), now, "old.json"); });
  };
  EXPECT_EQ(error(result()), "");
  BenchResult now = result();
  now.config = "another";
  EXPECT_THAT(error(now), HasSubstr("'old.json' is of the config 'made_up', not of 'another'"));
  now = result();
  now.set = {"a=1"};
  EXPECT_THAT(error(now), HasSubstr("other values of --set (none)"));
  now = result();
  now.shape.num_beams = 3;
  EXPECT_THAT(error(now), HasSubstr("measured with --num-beams 1, not 3"));
  now = result();
  now.dtype = "bfloat16";
  EXPECT_EQ(error(now), "") << "what a dtype changes may be compared";
  EXPECT_THAT(changes_text(result(), now), HasSubstr("dtype float32 → bfloat16"));
}

}  // namespace
}  // namespace flam
