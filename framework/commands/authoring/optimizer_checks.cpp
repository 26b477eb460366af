// Checks for optimisers: they lower a loss, and keep nothing but the state that they announce.
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <set>

#include "framework/base/text.h"
#include "framework/commands/authoring/checks.h"
#include "framework/component/optimizer.h"

namespace flam {

namespace {

using Tensors = std::vector<OptimizedTensor>;

constexpr double kRate = 0.01;

std::unique_ptr<Optimizer> build(const Specimen& specimen) {
  return specimen.registry.build<Optimizer>(specimen.parse(specimen.node()), {});
}

/// A matrix, a fused matrix, a vector, a convolution and a table, with random values and empty state.
Tensors make_tensors(const Optimizer& optimizer, uint64_t seed) {
  at::manual_seed(seed);
  Tensors tensors;
  const auto add = [&](const char* name, bool is_matrix, const std::vector<int64_t>& shape,
                       const std::vector<int64_t>& parts) {
    OptimizedTensor tensor;
    tensor.name = name;
    tensor.is_matrix = is_matrix;
    tensor.parts = parts;
    tensor.value = at::randn(shape);
    tensor.weight_decay = shape.size() > 1 ? 0.01 : 0;
    std::set<std::string> names;
    for (const OptimizerState& state : optimizer.state_of(tensor)) {
      if (state.name.empty() || !names.insert(state.name).second)
        throw Error(cat("state_of() gives the state ", quoted(state.name), " of ", quoted(tensor.name),
                        "; expected names that are not empty and occur once"));
      tensor.state.push_back(at::zeros(state.shape));
    }
    tensors.push_back(std::move(tensor));
  };
  add("matrix", true, {6, 4}, {});
  add("fused", true, {6, 4}, {4, 2});
  add("vector", false, {5}, {});
  add("convolution", false, {3, 2, 3, 3}, {});
  add("table", false, {7, 3}, {});
  return tensors;
}

/// Steps from `first` on, down the slope of half the squared values. `rate`: of all tensors.
void descend(const Optimizer& optimizer, Tensors& tensors, int64_t first, int64_t count,
             double rate = kRate) {
  for (int64_t step = first; step < first + count; ++step) {
    for (OptimizedTensor& tensor : tensors) {
      tensor.gradient = tensor.value.clone();
      tensor.learning_rate = rate;
    }
    optimizer.step(tensors, step);
  }
}

void require_same(const Tensors& a, const Tensors& b, double tolerance, const std::string& what) {
  for (size_t i = 0; i < a.size(); ++i)
    require_close(a[i].value, b[i].value, tolerance, cat(what, ": the ", a[i].name, " differs"));
}

double loss(const OptimizedTensor& tensor) {
  return tensor.value.square().sum().item<double>();
}

Finding check_descent(const Specimen& specimen) {
  constexpr int64_t kSteps = 100;
  const at::NoGradGuard no_grad;
  const auto optimizer = build(specimen);
  Tensors tensors = make_tensors(*optimizer, 1);
  const Tensors start = make_tensors(*optimizer, 1);
  descend(*optimizer, tensors, 1, kSteps);
  for (size_t i = 0; i < tensors.size(); ++i) {
    const OptimizedTensor &now = tensors[i], &before = start[i];
    if (now.value.sizes() != before.value.sizes() || now.value.scalar_type() != at::kFloat)
      throw Error(cat("turns the ", now.name, " into ", now.value.scalar_type(), " ", now.value.sizes()));
    if (!now.value.isfinite().all().item<bool>())
      throw Error(cat("gives values of the ", now.name, " that are infinite or NaN"));
    if (!(loss(now) < loss(before)))
      throw Error(cat("does not lower a quadratic loss of the ", now.name, " in ", kSteps,
                      " steps with the learning rate ", kRate, ": ", loss(before), " → ", loss(now)));
  }
  return {cat("lowers a quadratic loss of ", tensors.size(), " tensors")};
}

Finding check_rate(const Specimen& specimen) {
  const at::NoGradGuard no_grad;
  const auto optimizer = build(specimen);
  Tensors tensors = make_tensors(*optimizer, 1);
  descend(*optimizer, tensors, 1, 2, /*rate=*/0);
  require_same(tensors, make_tensors(*optimizer, 1), 0, "changes values with the learning rate 0");
  return {"changes nothing with the learning rate 0"};
}

/// As if a run were resumed: another component gets the values and the state.
Finding check_state(const Specimen& specimen) {
  const at::NoGradGuard no_grad;
  const auto whole = build(specimen), first = build(specimen), second = build(specimen);
  Tensors expected = make_tensors(*whole, 1), tensors = make_tensors(*first, 1);
  descend(*whole, expected, 1, 6);
  descend(*first, tensors, 1, 3);
  descend(*second, tensors, 4, 3);
  require_same(tensors, expected, 0,
               "keeps more than the state that state_of() announces, so that a resumed run differs");
  return {"a resumed run gives the same bits"};
}

Finding check_groups(const Specimen& specimen) {
  const at::NoGradGuard no_grad;
  const auto optimizer = build(specimen);
  Tensors together = make_tensors(*optimizer, 1), apart = make_tensors(*optimizer, 1);
  descend(*optimizer, together, 1, 3);
  for (OptimizedTensor& tensor : apart) {
    Tensors alone = {tensor};
    descend(*optimizer, alone, 1, 3);
  }
  require_same(apart, together, 1e-5, "gives other values for tensors in one call than one by one");
  return {"tensors together and one by one get the same values"};
}

Finding check_threads_of(const Specimen& specimen) {
  const at::NoGradGuard no_grad;
  const auto optimizer = build(specimen);
  std::vector<Tensors> expected;
  for (uint64_t i = 0; i < 4; ++i) {
    expected.push_back(make_tensors(*optimizer, i));
    descend(*optimizer, expected.back(), 1, 5);
  }
  std::vector<Tensors> starts;
  for (uint64_t i = 0; i < 4; ++i) starts.push_back(make_tensors(*optimizer, i));
  at_once([&](int64_t i) {
    const at::NoGradGuard of_this_thread;
    Tensors tensors = starts[i];
    for (OptimizedTensor& tensor : tensors) {
      tensor.value = tensor.value.clone();
      for (at::Tensor& state : tensor.state) state = state.clone();
    }
    descend(*optimizer, tensors, 1, 5);
    require_same(tensors, expected[i], 0, "gives other values when other threads use it at the same time");
  });
  return {"4 threads at once get the same results as alone"};
}

}  // namespace

std::vector<Check> optimizer_checks() {
  return {{"descent", check_descent},
          {"rate", check_rate},
          {"state", check_state},
          {"groups", check_groups},
          {"threads", check_threads_of}};
}

}  // namespace flam
