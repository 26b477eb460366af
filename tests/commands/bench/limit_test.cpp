// Spreads, the recorded work of operators, and the least time that follows from it.
#include "framework/commands/bench/stage_limit.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv_transpose2d.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/lstm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "framework/commands/bench/machine_speed.h"
#include "framework/commands/bench/spread.h"
#include "framework/device/free_memory.h"

namespace flam {
namespace {

template <class Stage>
StageWork work_of(const Stage& stage) {
  OperatorRecorder recorder;
  recorder.begin("stage");
  stage();
  recorder.end();
  StageWork work;
  add_run(work, recorder.stages().front());
  return work;
}

TEST(Spread, IsTheMedianAndTheQuartiles) {
  const Spread spread = spread_of({5, 1, 4, 2, 3});
  EXPECT_EQ(spread.median, 3);
  EXPECT_EQ(spread.q1, 2);
  EXPECT_EQ(spread.q3, 4);
  EXPECT_EQ(spread.runs, 5);
  EXPECT_EQ(median({4, 1}), 2.5);
  EXPECT_EQ(spread_of({7}).q3, 7);
  EXPECT_EQ(spread_of({}).runs, 0);
}

TEST(OperatorRecorder, CountsProductsByTheirShapes) {
  const at::Tensor x = at::ones({2, 3, 8}), weight = at::ones({5, 8});
  EXPECT_EQ(work_of([&] { at::linear(x, weight); }).flops(), 2 * 2 * 3 * 8 * 5);
  EXPECT_EQ(work_of([&] { at::ones({4, 2, 8}).matmul(at::ones({4, 8, 3})); }).flops(), 2 * 4 * 2 * 8 * 3);
  const at::Tensor picture = at::ones({1, 3, 8, 8}), filters = at::ones({6, 3, 4, 4});
  EXPECT_EQ(work_of([&] { at::conv2d(picture, filters, {}, 4); }).flops(), 2 * (6 * 2 * 2) * (3 * 4 * 4));
  const at::Tensor q = at::ones({1, 2, 3, 4}), k = at::ones({1, 2, 5, 4});
  EXPECT_EQ(work_of([&] { at::scaled_dot_product_attention(q, k, k); }).flops(), 2 * (2 * 2 * 3 * 4 * 5));
  EXPECT_EQ(work_of([&] {
              at::conv_transpose2d(picture, at::ones({3, 3, 2, 2}), {}, 2);
            }).flops(),
            2 * (3 * 8 * 8) * (3 * 2 * 2));
  const at::Tensor state = at::ones({1, 2, 4});
  const auto run_layer = [&] {
    at::lstm(at::ones({5, 2, 8}), {state, state}, {at::ones({16, 8}), at::ones({16, 4})}, false, 1, 0.0,
             false, false, false);
  };
  EXPECT_EQ(work_of(run_layer).flops(), 2 * (5 * 2) * (16 * 8 + 16 * 4));
  EXPECT_EQ(work_of([&] { at::ones({8}) + 1; }).flops(), 0);
}

TEST(OperatorRecorder, CountsTheOperatorsOfARun) {
  const at::Tensor x = at::ones({4, 8});
  StageWork work = work_of([&] { x.t().add(1); });
  EXPECT_EQ(work.operators(), 2);
  OperatorRecorder recorder;
  recorder.begin("stage");
  for (int i = 0; i < 4; ++i) x.neg();
  recorder.end();
  add_run(work, recorder.stages().front());
  EXPECT_EQ(work.operators(), 3) << "the mean of both runs";
}

TEST(OperatorRecorder, CountsEachTensorFromOutsideOnce) {
  const at::Tensor x = at::ones({1, 8}), weight = at::ones({8, 8});
  const auto bytes = [](int64_t numbers) { return static_cast<double>(4 * numbers); };
  EXPECT_EQ(work_of([&] { at::linear(at::linear(x, weight), weight); }).bytes(), bytes(8 + 64));
  EXPECT_EQ(work_of([&] { at::ones({4, 4}).mul_(2); }).bytes(), 0) << "made by the stage itself";
  EXPECT_EQ(work_of([&] { weight.narrow(0, 0, 2).t(); }).bytes(), 0) << "views read nothing";
  EXPECT_EQ(work_of([&] { weight.narrow(0, 0, 2) + 1; }).bytes(), bytes(16)) << "only the part that is used";
  const at::Tensor ids = at::zeros({1, 3}, at::kLong);
  EXPECT_EQ(work_of([&] { at::embedding(weight, ids); }).bytes(), bytes(3 * 8) + 3 * 8) << "rows and ids";
}

TEST(OperatorRecorder, RecordsCallersBeforeWhatTheyCall) {
  OperatorRecorder recorder;
  at::ones({2, 2}) + 1;  // before the stage
  recorder.begin("product");
  at::ones({2, 3}).matmul(at::ones({3, 4}));
  recorder.end();
  const RecordedStage& stage = recorder.stages().at(0);
  EXPECT_EQ(stage.name, "product");
  const auto product = std::find_if(stage.calls.begin(), stage.calls.end(),
                                    [](const OperatorCall& call) { return call.name == "aten::matmul"; });
  ASSERT_NE(product, stage.calls.end());
  EXPECT_EQ(product->depth, 0);
  EXPECT_EQ(product->dtype, "float32");
  EXPECT_EQ(product->shapes, (std::vector<std::vector<int64_t>>{{2, 3}, {3, 4}}));
  ASSERT_NE(product + 1, stage.calls.end());
  EXPECT_EQ((product + 1)->depth, 1);
  EXPECT_EQ((product + 1)->flops, 0) << "counted with its caller";
}

TEST(StageLimit, TakesTheLongerOfComputingAndReadingForEachOperator) {
  StageWork work;
  work.items = {{1000, 10}, {10, 1000}};
  work.runs = 1;
  const StageLimit limit = limit_of(work, 1000, 100);
  EXPECT_DOUBLE_EQ(limit.matrix_ms, 1e3);
  EXPECT_DOUBLE_EQ(limit.memory_ms, 1e4);
  EXPECT_DOUBLE_EQ(limit.ms(), 1.1e4);
  work.runs = 2;  // the same items are from two runs
  EXPECT_DOUBLE_EQ(limit_of(work, 1000, 100).ms(), 5.5e3);
  EXPECT_EQ(limit_of({}, 1000, 100).ms(), 0);
}

TEST(MachineSpeed, ReadsNoMoreThanHalfOfTheFreeMemory) {
  EXPECT_EQ(read_buffer_bytes(int64_t{16} << 30), int64_t{2} << 30);
  EXPECT_EQ(read_buffer_bytes(int64_t{1} << 30), int64_t{1} << 29);
  EXPECT_EQ(read_buffer_bytes(0), 0);
  EXPECT_GT(free_memory(at::kCPU), 0);
}

}  // namespace
}  // namespace flam
