// The distributions of initial values, as torch.nn.init describes them.
#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/eye.h>
#include <gmock/gmock.h>

#include <cmath>

#include "fixtures.h"
#include "framework/weights/weight_store.h"

namespace flam {
namespace {

using test::error_of;
using testing::HasSubstr;

/// The initial values of a tensor "m.w".
at::Tensor values(const std::vector<int64_t>& shape, Init init, const std::vector<int64_t>& parts = {},
                  at::ScalarType dtype = at::kDouble) {
  WeightStore store;
  const WeightScope root(store, "m");
  const Weight w = parts.empty() ? root.tensor("w", shape, init) : root.fused("w", shape, parts, init);
  store.initialise(at::kCPU, dtype, 1);
  return w.tensor();
}

double deviation(const at::Tensor& x) {
  return x.std().item<double>();
}

double largest(const at::Tensor& x) {
  return x.abs().max().item<double>();
}

TEST(Init, UniformValuesFillTheirRange) {
  const at::Tensor x = values({400, 500}, Init::uniform(0.25));
  EXPECT_LT(largest(x), 0.25);
  EXPECT_GT(largest(x), 0.2499);
  EXPECT_NEAR(x.mean().item<double>(), 0, 0.0013);  // four standard deviations
  EXPECT_NEAR(deviation(x), 0.25 / std::sqrt(3), 0.001);
  for (int quarter = 0; quarter < 4; ++quarter) {
    const double low = -0.25 + quarter * 0.125;
    EXPECT_NEAR(x.ge(low).logical_and(x.lt(low + 0.125)).to(at::kDouble).mean().item<double>(), 0.25, 0.004);
  }
}

TEST(Init, TruncatedNormalValuesEndAtTwoStandardDeviations) {
  const at::Tensor x = values({400, 500}, Init::truncated_normal(0.02));
  EXPECT_LE(largest(x), 0.04);
  EXPECT_GT(largest(x), 0.0399);
  EXPECT_NEAR(x.mean().item<double>(), 0, 0.0002);
  EXPECT_NEAR(deviation(x), 0.02 * 0.9, 0.0002);
  // Nothing piles up at the ends.
  EXPECT_LT(x.abs().gt(0.038).to(at::kDouble).mean().item<double>(), 0.02);
}

TEST(Init, XavierAndKaimingDivideByTheirFans) {
  const auto root = [](double x) { return std::sqrt(x); };
  EXPECT_NEAR(deviation(values({300, 500}, Init::xavier_normal(2))), 2 * root(2.0 / 800), 0.001);
  const at::Tensor uniform = values({300, 500}, Init::xavier_uniform());
  EXPECT_NEAR(deviation(uniform), root(2.0 / 800), 0.0005);
  EXPECT_NEAR(largest(uniform), root(6.0 / 800), 1e-4);
  EXPECT_NEAR(deviation(values({300, 500}, Init::kaiming_normal())), root(2.0 / 500), 0.0005);
  EXPECT_NEAR(deviation(values({300, 500}, Init::kaiming_normal(Init::Fan::out, 1))), root(1.0 / 300),
              0.0005);
  // A convolution [out,in,k,k] has in·k² inputs and out·k² outputs.
  EXPECT_NEAR(largest(values({64, 32, 3, 3}, Init::kaiming_uniform())), root(6.0 / (32 * 9)), 1e-4);
  EXPECT_NEAR(deviation(values({64, 32, 3, 3}, Init::kaiming_uniform(Init::Fan::out))), root(2.0 / (64 * 9)),
              0.001);
}

TEST(Init, PartsOfAFusedTensorAreMatricesOfTheirOwn) {
  const at::Tensor fused = values({600, 200}, Init::xavier_normal(), {500, 100});
  EXPECT_NEAR(deviation(fused.narrow(0, 0, 500)), std::sqrt(2.0 / 700), 0.001);
  EXPECT_NEAR(deviation(fused.narrow(0, 500, 100)), std::sqrt(2.0 / 300), 0.001);
  const at::Tensor orthogonal = values({40, 20}, Init::orthogonal(), {20, 20});
  for (const int64_t first : {0, 20}) {
    const at::Tensor part = orthogonal.narrow(0, first, 20);
    EXPECT_TRUE(at::allclose(part.mm(part.t()), at::eye(20, at::kDouble), 0, 1e-12));
  }
}

TEST(Init, OrthogonalRowsOrColumnsHaveTheLengthOfTheGain) {
  const at::Tensor wide = values({20, 50}, Init::orthogonal(2)),
                   tall = values({50, 4, 5}, Init::orthogonal());
  EXPECT_TRUE(at::allclose(wide.mm(wide.t()), at::eye(20, at::kDouble) * 4, 0, 1e-12));
  const at::Tensor columns = tall.reshape({50, 20});
  EXPECT_TRUE(at::allclose(columns.t().mm(columns), at::eye(20, at::kDouble), 0, 1e-12));
  EXPECT_NEAR(columns.mean().item<double>(), 0, 0.02);  // both signs
  const at::Tensor narrow = values({20, 50}, Init::orthogonal(2), {}, at::kBFloat16);
  EXPECT_TRUE(at::allclose(narrow.to(at::kDouble), wide, 0.01, 1e-3));
}

TEST(Init, RowsThatAFileLacksGetTheValuesOfTheWholeTensor) {
  for (const Init init : {Init::orthogonal(), Init::xavier_uniform(), Init::truncated_normal(1)}) {
    WeightStore store;
    const Weight w = WeightScope(store, "m").vocabulary("w", {8, 4}, init);
    store.initialise(at::kCPU, at::kFloat, 5);
    const at::Tensor before = w.tensor().clone();
    w.tensor().zero_();
    WeightStore::initialise_rows(*w.slot(), 6, 5);
    EXPECT_TRUE(at::equal(w.tensor().narrow(0, 6, 2), before.narrow(0, 6, 2)));
    EXPECT_EQ(w.tensor().narrow(0, 0, 6).abs().sum().item<float>(), 0);
  }
}

TEST(Init, FansNeedTwoDimensions) {
  for (const Init init : {Init::xavier_normal(), Init::kaiming_uniform(), Init::orthogonal()}) {
    WeightStore store;
    EXPECT_THAT(error_of([&] { WeightScope(store, "m").tensor("b", {5}, init); }),
                HasSubstr("'m.b' of shape [5] cannot begin with xavier, kaiming or orthogonal values"));
  }
}

}  // namespace
}  // namespace flam
