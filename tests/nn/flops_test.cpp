#include "framework/nn/flops.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_addmm_activation.h>
#include <ATen/ops/addbmm.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/conv1d.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv_transpose2d.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/dot.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/gru.h>
#include <ATen/ops/gru_cell.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/lstm.h>
#include <ATen/ops/lstm_cell.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rnn_tanh.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sum.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "framework/device/meta_kernels.h"
#include "framework/nn/attention.h"
#include "framework/nn/layers.h"

namespace flam {
namespace {

struct Case {
  const char* name;
  int64_t flops;
  std::function<void(const at::TensorOptions&)> run;
};

std::vector<Case> cases() {
  return {
      {"linear", 2 * 6 * 5 * 7,
       [](auto o) {
         at::linear(at::ones({2, 3, 5}, o), at::ones({7, 5}, o), at::ones({7}, o));
       }},
      {"matmul of matrices and vectors", 2 * 3 * 5 * 7 + 2 * 3 * 5 + 2 * 5,
       [](auto o) {
         const at::Tensor a = at::ones({3, 5}, o), v = at::ones({5}, o);
         at::matmul(a, at::ones({5, 7}, o));
         at::matmul(a, v);
         at::dot(v, v);
       }},
      {"addmm, baddbmm, addbmm", 2 * 3 * 5 * 7 * (1 + 4 + 4),
       [](auto o) {
         const at::Tensor a = at::ones({4, 3, 5}, o), b = at::ones({4, 5, 7}, o);
         at::addmm(at::ones({3, 7}, o), a[0], b[0]);
         at::baddbmm(at::ones({4, 3, 7}, o), a, b);
         at::addbmm(at::ones({3, 7}, o), a, b);
       }},
      {"einsum", 2 * 4 * 3 * 5 * 7,
       [](auto o) {
         at::einsum("bij,bjk->bik", {at::ones({4, 3, 5}, o), at::ones({4, 5, 7}, o)});
       }},
      {"grouped convolution", 2 * (2 * 8 * 5 * 5) * (2 * 3 * 3),
       [](auto o) {
         at::conv2d(at::ones({2, 4, 5, 5}, o), at::ones({8, 2, 3, 3}, o), {}, 1, 1, 1, /*groups=*/2);
       }},
      {"convolution of one side", 2 * (2 * 8 * 4) * (4 * 3),
       [](auto o) {
         at::conv1d(at::ones({2, 4, 8}, o), at::ones({8, 4, 3}, o), {}, 2, 1);
       }},
      {"transposed convolution", 2 * (2 * 4 * 5 * 5) * (6 * 2 * 2),
       [](auto o) {
         at::conv_transpose2d(at::ones({2, 4, 5, 5}, o), at::ones({4, 6, 2, 2}, o), {}, 2);
       }},
      {"transposed convolution of equal channels",
       2 * (2 * 4 * 5 * 5) * (4 * 2 * 2) + 2 * (3 * 6 * 7) * (3 * 4),
       [](auto o) {
         at::convolution(at::ones({2, 4, 5, 5}, o), at::ones({4, 4, 2, 2}, o), {}, {2, 2}, {0, 0}, {1, 1},
                         /*transposed=*/true, {0, 0}, 1);
         at::convolution(at::ones({3, 6, 7}, o), at::ones({6, 3, 4}, o), {}, {2}, {0}, {1},
                         /*transposed=*/true, {0}, /*groups=*/2);
       }},
      {"addmm with an activation", 2 * 3 * 5 * 7,
       [](auto o) {
         at::_addmm_activation(at::ones({7}, o), at::ones({3, 5}, o), at::ones({5, 7}, o));
       }},
      // 5 steps of 2 sequences; both directions of two layers, the second of which gets both states.
      {"lstm", 2 * (5 * 2) * 2 * (16 * 3 + 16 * 4 + 16 * 8 + 16 * 4),
       [](auto o) {
         std::vector<at::Tensor> weights;
         for (const int64_t width : {3, 3, 8, 8}) {
           for (const int64_t columns : {width, int64_t{4}}) weights.push_back(at::ones({16, columns}, o));
           for (int bias = 0; bias < 2; ++bias) weights.push_back(at::ones({16}, o));
         }
         const at::Tensor state = at::ones({4, 2, 4}, o);
         at::lstm(at::ones({5, 2, 3}, o), {state, state}, weights, /*has_biases=*/true, 2, 0.0, false,
                  /*bidirectional=*/true, /*batch_first=*/false);
       }},
      {"gru and rnn of one layer", 2 * (5 * 2) * (3 + 1) * (4 * 3 + 4 * 4),
       [](auto o) {
         const at::Tensor in = at::ones({2, 5, 3}, o), state = at::ones({1, 2, 4}, o);
         const auto weights = [&](int64_t gates) {
           return std::vector<at::Tensor>{at::ones({gates * 4, 3}, o), at::ones({gates * 4, 4}, o)};
         };
         at::gru(in, state, weights(3), /*has_biases=*/false, 1, 0.0, false, false, /*batch_first=*/true);
         at::rnn_tanh(in, state, weights(1), false, 1, 0.0, false, false, true);
       }},
      {"cells of recurrent layers", 2 * 2 * (4 + 3) * (4 * 3 + 4 * 4),
       [](auto o) {
         const at::Tensor in = at::ones({2, 3}, o), state = at::ones({2, 4}, o);
         at::lstm_cell(in, {state, state}, at::ones({16, 3}, o), at::ones({16, 4}, o));
         at::gru_cell(in, state, at::ones({12, 3}, o), at::ones({12, 4}, o));
       }},
      {"attention of grouped queries", 4 * (2 * 4 * 6 * 8) * 6,
       [](auto o) {
         attend(at::ones({2, 4, 6, 8}, o), at::ones({2, 2, 6, 8}, o), at::ones({2, 2, 6, 8}, o), {});
       }},
      {"operators without products", 0,
       [](auto o) {
         at::softmax(at::ones({3, 5}, o) * 2, 1).sum();
       }},
  };
}

TEST(FlopScope, CountsOperatorsWhoeverCallsThem) {
  const c10::InferenceMode inference;
  register_meta_kernels();
  for (const Case& one : cases()) {
    for (const at::Device device : {at::kCPU, at::kMeta}) {
      const FlopScope scope;
      one.run(at::TensorOptions(device).dtype(at::kFloat));
      EXPECT_EQ(scope.flops(), one.flops) << one.name << " on " << device;
    }
  }
}

TEST(FlopScope, ScopesNestAndSeeOnlyTheirThread) {
  const at::Tensor a = at::ones({2, 2});
  const FlopScope outer;
  at::mm(a, a);
  {
    const FlopScope inner;
    at::mm(a, a);
    std::thread([&] { at::mm(a, a); }).join();
    EXPECT_EQ(inner.flops(), 16);
  }
  at::mm(a, a);
  EXPECT_EQ(outer.flops(), 48);
}

TEST(FlopScope, AnExceptionInAProductDoesNotHideTheNextOne) {
  const FlopScope scope;
  EXPECT_THROW(at::mm(at::ones({2, 3}), at::ones({2, 3})), c10::Error);
  at::mm(at::ones({2, 2}), at::ones({2, 2}));
  EXPECT_EQ(scope.flops(), 16);
}

// The kernels of this library, which take few and many rows, count as libtorch's operators do.
TEST(FlopScope, CountsKernelsOfThisLibrary) {
  const c10::InferenceMode inference;
  WeightStore store;
  const Linear linear(WeightScope(store, "m"), "linear", 64, 32);
  store.initialise(at::kCPU, at::kFloat, 1);
  for (const int64_t rows : {1, 3, 12, 200}) {
    const FlopScope scope;
    linear(at::ones({rows, 64}));
    EXPECT_EQ(scope.flops(), 2 * rows * 64 * 32) << rows;
  }
}

}  // namespace
}  // namespace flam
