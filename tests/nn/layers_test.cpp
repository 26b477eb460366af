#include "framework/nn/layers.h"

#include <ATen/core/grad_mode.h>

#include <cmath>
#include <set>

#include "framework/nn/flops.h"
#include "framework/nn/rotary.h"
#include "framework/testing/near.h"

namespace flam {
namespace {

constexpr uint64_t kSeed = 5;

void fill_randomly(WeightStore& store) {
  uint64_t seed = kSeed;
  for (const auto& slot : store.slots()) slot->tensor = random(slot->shape, ++seed);
}

TEST(Activation, equals_the_formulas) {
  const at::Tensor x = random({64}, 1) * 3, d = x.to(at::kDouble);
  EXPECT_TRUE(near(activate(x, Activation::gelu), d * 0.5 * (1 + (d / std::sqrt(2.0)).erf())));
  EXPECT_TRUE(near(activate(x, Activation::quick_gelu), d / (1 + (-1.702 * d).exp())));
  EXPECT_TRUE(near(activate(x, Activation::relu), d.clamp_min(0)));
  EXPECT_TRUE(near(activate(x, Activation::silu), d / (1 + (-d).exp())));
  const at::Tensor inner = std::sqrt(2 / M_PI) * (d + 0.044715 * d.pow(3));
  EXPECT_TRUE(near(activate(x, Activation::gelu_tanh), d * 0.5 * (1 + inner.tanh())));
  EXPECT_TRUE(near(activate(x * 4, Activation::relu6), (d * 4).clamp(0, 6)));
}

TEST(Activation, gives_the_same_without_gradients) {
  const at::Tensor x = random({64}, 1), kept = x.clone();
  const at::Tensor with = activate(x, Activation::quick_gelu);
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(near(activate(x, Activation::quick_gelu), with));
  EXPECT_TRUE(at::equal(x, kept));
}

TEST(Residual, never_changes_its_input) {
  const at::Tensor x = random({4}, 1), kept = x.clone(), branch = random({4}, 2), sum = x + branch;
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(at::equal(add_residual(x, branch.clone()), sum));
  EXPECT_TRUE(at::equal(x, kept));
}

TEST(StackedLinear, computes_one_product_only_where_weights_are_neighbours) {
  for (const bool bias : {false, true}) {
    WeightStore store;
    const WeightScope scope(store, "m");
    const StackedLinear stacked(scope, 6, {{"q", 4}, {"k", 2}, {"v", 3}}, {.bias = bias});
    store.initialise(at::kCPU, at::kFloat, kSeed);
    const at::Tensor x = random({2, 3, 6}, 1);
    const auto weight = [&](const char* name) -> at::Tensor& { return store.find(name)->tensor; };
    const auto expect_outputs = [&] {
      const auto outputs = stacked(x);
      ASSERT_EQ(outputs.size(), 3);
      for (size_t i = 0; i < 3; ++i) {
        const std::string name = std::string("m.") + "qkv"[i];
        at::Tensor expected = at::matmul(x, store.find(name + ".weight")->tensor.t());
        if (bias) expected = expected + store.find(name + ".bias")->tensor;
        EXPECT_TRUE(near(outputs[i], expected)) << name;
      }
    };
    expect_outputs();  // gradients are recorded
    EXPECT_FALSE(stacked(x)[1].is_alias_of(stacked(x)[0]));
    const at::NoGradGuard no_grad;
    FlopScope flops;
    const auto outputs = stacked(x);
    EXPECT_EQ(flops.flops(), 2 * (2 * 3) * 6 * (4 + 2 + 3));
    EXPECT_TRUE(outputs[2].is_alias_of(outputs[0]));
    expect_outputs();
    weight("m.k.weight").add_(1);  // as an optimizer does
    expect_outputs();
    weight("m.k.weight") = random({2, 6}, 3);
    EXPECT_FALSE(stacked(x)[2].is_alias_of(stacked(x)[0]));
    expect_outputs();
    store.to(at::kCPU, at::kDouble);
    const auto wide = stacked(x.to(at::kDouble));
    EXPECT_TRUE(wide[2].is_alias_of(wide[0]));
  }
}

TEST(StackedLinear, rotates_queries_and_keys_together) {
  const at::Tensor all = random({2, 3, 5 * 4}, 1);
  const at::Tensor q = all.narrow(-1, 0, 12).view({2, 3, 3, 4}).transpose(1, 2),
                   k = all.narrow(-1, 12, 8).view({2, 3, 2, 4}).transpose(1, 2);
  const RotaryTable table = rotary_table(at::tensor({0, 1, 7, 3, 4, 5}, at::kLong).view({2, 3}), 4, 10000);
  const at::Tensor one = apply_rotary(q, table), other = apply_rotary(k, table);  // gradients are recorded
  const at::NoGradGuard no_grad;
  const auto [rotated_q, rotated_k] = apply_rotary(q, k, table);
  EXPECT_TRUE(rotated_k.is_alias_of(rotated_q));
  EXPECT_TRUE(near(rotated_q, one));
  EXPECT_TRUE(near(rotated_k, other));
  const auto [own_q, own_k] = apply_rotary(q.clone(), k, table);
  EXPECT_FALSE(own_k.is_alias_of(own_q));
  EXPECT_TRUE(near(own_k, other));
}

TEST(AddProduct, adds_the_residual) {
  WeightStore store;
  const WeightScope scope(store, "m");
  const Linear linear(scope, "dense", 6, 4, {.bias = false});
  fill_randomly(store);
  const at::Tensor x = random({2, 3, 6}, 1), residual = random({2, 3, 4}, 2), kept = residual.clone();
  const at::Tensor sum = residual + linear(x);
  EXPECT_TRUE(near(add_product(residual, linear, x, false), sum));
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(near(add_product(residual, linear, x, false), sum));
  EXPECT_TRUE(at::equal(residual, kept));
  EXPECT_TRUE(near(add_product(residual, linear, x, true), sum));
}

TEST(Linear, multiplies_adds_and_counts) {
  WeightStore store;
  const WeightScope scope(store, "m");
  const Linear dense(scope, "dense", 6, 4), bare(scope, "bare", 6, 4, {.bias = false});
  EXPECT_EQ(store.parameter_count(), 6 * 4 + 4 + 6 * 4);
  fill_randomly(store);
  const at::Tensor x = random({2, 3, 6}, 1);
  const at::Tensor w = store.find("m.dense.weight")->tensor, b = store.find("m.dense.bias")->tensor;
  FlopScope flops;
  const at::Tensor with_bias = dense(x), without = bare(x);
  EXPECT_EQ(flops.flops(), 2 * (2 * (2 * 3) * 6 * 4));
  EXPECT_TRUE(near(with_bias, at::matmul(x, w.t()) + b));
  EXPECT_TRUE(near(without, at::matmul(x, store.find("m.bare.weight")->tensor.t())));
  EXPECT_EQ(dense.in_features(), 6);
  EXPECT_EQ(dense.out_features(), 4);
}

TEST(Linear, fused_declares_its_parts) {
  WeightStore store;
  const Linear fused = Linear::fused(WeightScope(store, "m"), "qkv", 6, {4, 2, 2});
  EXPECT_EQ(fused.out_features(), 8);
  EXPECT_EQ(store.find("m.qkv.weight")->parts, (std::vector<int64_t>{4, 2, 2}));
  EXPECT_EQ(store.find("m.qkv.bias")->parts, (std::vector<int64_t>{4, 2, 2}));
}

TEST(Layers, that_were_not_made_are_an_error_and_no_crash) {
  const at::Tensor x = at::ones({1, 4});
  const Linear linear;
  const LayerNorm norm;
  const RMSNorm rms;
  EXPECT_THROW(linear(x), RunError);
  EXPECT_THROW(linear.in_features(), RunError);
  EXPECT_THROW(norm(x), RunError);
  EXPECT_THROW(rms(x), RunError);
  EXPECT_THROW(look_up(Weight(), at::zeros({1, 2}, at::kLong)), RunError);
  WeightStore store;
  EXPECT_THROW(store.tie("head.weight", Weight()), RunError);
  try {
    Weight().tensor();
  } catch (const RunError& error) {
    EXPECT_NE(std::string(error.what()).find("was never declared; make it in the constructor"),
              std::string::npos);
  }
}

TEST(Norms, equal_the_formulas) {
  WeightStore store;
  const WeightScope scope(store, "m");
  const LayerNorm layer(scope, "layer", 6, 1e-3);
  const RMSNorm rms(scope, "rms", 6, 1e-3);
  fill_randomly(store);
  const at::Tensor x = random({2, 3, 6}, 1), d = x.to(at::kDouble);
  const auto centred = d - d.mean(-1, true);
  EXPECT_TRUE(near(layer(x), centred / (centred.square().mean(-1, true) + 1e-3).sqrt() *
                                     store.find("m.layer.weight")->tensor +
                                 store.find("m.layer.bias")->tensor));
  const at::Tensor normed =
      d / (d.square().mean(-1, true) + 1e-3).sqrt() * store.find("m.rms.weight")->tensor;
  EXPECT_TRUE(near(rms(x), normed));
  store.find("m.rms.weight")->tensor = store.find("m.rms.weight")->tensor.to(at::kBFloat16);
  EXPECT_EQ(rms(x.to(at::kBFloat16)).scalar_type(), at::kBFloat16);
  EXPECT_TRUE(near(rms(x.to(at::kBFloat16)), normed, 2e-2));
}

TEST(Rotary, rotates_pairs_by_position_times_frequency) {
  const at::Tensor positions = at::tensor({0, 1, 7, 1000}, at::kLong).view({1, 4});
  const at::Tensor x = random({1, 2, 4, 6}, 1);
  const at::Tensor out = apply_rotary(x, rotary_table(positions, 6, 10000));
  for (int64_t l = 0; l < 4; ++l) {
    for (int64_t i = 0; i < 3; ++i) {
      const double angle = positions[0][l].item<int64_t>() * std::pow(10000.0, -2.0 * i / 6);
      const double a = x[0][1][l][i].item<double>(), b = x[0][1][l][i + 3].item<double>();
      EXPECT_NEAR(out[0][1][l][i].item<double>(), a * std::cos(angle) - b * std::sin(angle), 1e-4);
      EXPECT_NEAR(out[0][1][l][i + 3].item<double>(), b * std::cos(angle) + a * std::sin(angle), 1e-4);
    }
  }
}

TEST(Rotary, llama3_scales_slow_frequencies_only) {
  const RopeScaling scaling{RopeScaling::Type::llama3, 8, 1, 4, 64};
  const at::Tensor positions = at::tensor({1, 70}, at::kLong).view({1, 2});
  constexpr int64_t kWidth = 16;
  constexpr double kTheta = 10000;
  const RotaryTable table = rotary_table(positions, kWidth, kTheta, scaling);
  std::set<int> seen;
  for (int64_t i = 0; i < kWidth / 2; ++i) {
    const double frequency = std::pow(kTheta, -2.0 * i / kWidth), wavelength = 2 * M_PI / frequency;
    double expected = frequency;
    if (wavelength > 64.0 / 1) {
      expected = frequency / 8;
      seen.insert(0);
    } else if (wavelength >= 64.0 / 4) {
      const double smooth = (64 / wavelength - 1) / (4 - 1);
      expected = (1 - smooth) * frequency / 8 + smooth * frequency;
      seen.insert(1);
    } else {
      seen.insert(2);
    }
    for (int64_t l = 0; l < 2; ++l)
      EXPECT_NEAR(table.cos[0][l][i].item<double>(), std::cos(expected * (l == 0 ? 1 : 70)), 1e-4) << i;
  }
  EXPECT_EQ(seen.size(), 3u);
}

TEST(Rotary, linear_scaling_stretches_the_positions) {
  const RotaryTable scaled =
      rotary_table(at::tensor({0, 4, 8}, at::kLong).view({1, 3}), 6, 500, {RopeScaling::Type::linear, 4});
  const RotaryTable plain = rotary_table(at::tensor({0, 1, 2}, at::kLong).view({1, 3}), 6, 500);
  EXPECT_TRUE(near(scaled.sin, plain.sin));
}

}  // namespace
}  // namespace flam
