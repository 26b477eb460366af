#include <cmath>

#include "framework/component/given_batch.h"
#include "framework/sdk.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

TEST(MyComponent, CountsLikelyIdsLess) {
  Objective::Input in;
  in.tasks = {"caption"};
  const Built<Objective> objective("{type: my_component, gamma: 2}", in);
  // One row of two tokens: the second one is an answer, to which the model gives probability 3/4.
  GivenBatch::Given given;
  given.pictures = 1;
  given.tasks.resize(1);
  given.tasks[0].text = {at::tensor({0, 1}, at::kLong).view({1, 2}), at::ones({1, 2}, at::kBool),
                         at::tensor({1, -100}, at::kLong).view({1, 2}),
                         at::tensor({1, 0}).to(at::kBool).view({1, 2})};
  given.tasks[0].seeing = at::ones({1, 2, 1});
  given.output = at::tensor({std::log(0.25), std::log(0.75)}, at::kFloat).view({2, 1});
  const std::vector<at::Tensor> losses = objective->losses(GivenBatch(given));
  EXPECT_EQ(objective->names(), std::vector<std::string>{"caption"});
  EXPECT_NEAR(losses.at(0).item<double>(), -std::log(0.75) / 16, 1e-6);
}

}  // namespace
}  // namespace flam
