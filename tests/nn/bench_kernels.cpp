// Times our kernels beside libtorch's on the same numbers (docs/performance.md). Weights go round through
// more memory than the caches hold, as in a model.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>
#include <benchmark/benchmark.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "framework/device/huge_pages.h"
#include "framework/nn/kernels/attention_prompt.h"
#include "framework/nn/kernels/few_rows.h"
#include "framework/nn/kernels/many_rows.h"
#include "framework/nn/kernels/pointwise.h"
#include "framework/nn/kernels/quantized_product.h"
#include "framework/nn/kernels/row_tiles.h"
#include "framework/weights/quantized_matrix.h"

namespace flam {
namespace {

constexpr int64_t kWeightBytes = int64_t{256} << 20;

at::Tensor numbers(at::IntArrayRef shape, at::ScalarType dtype) {
  return empty_in_huge_pages(shape, dtype).copy_(at::empty(shape, at::kFloat).uniform_(-1, 1));  // as weights
}

using Product = std::function<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&)>;

/// x [rows,in] · w [out,in]ᵀ: operations per second, and bytes of weights per second.
void product(benchmark::State& state, const Product& compute, at::ScalarType dtype) {
  const at::NoGradGuard no_grad;
  const int64_t rows = state.range(0), in = state.range(1), out = state.range(2);
  const at::Tensor x = numbers({rows, in}, dtype);
  std::vector<at::Tensor> weights;
  const int64_t bytes = in * out * static_cast<int64_t>(at::elementSize(dtype));
  for (int64_t i = 0; i < std::max<int64_t>(kWeightBytes / bytes, 1); ++i)
    weights.push_back(numbers({out, in}, dtype));
  size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(compute(x, weights[next], {}));
    next = (next + 1) % weights.size();
  }
  using benchmark::Counter;
  state.counters["FLOP"] =
      Counter(2.0 * static_cast<double>(rows * in * out), Counter::kIsIterationInvariantRate);
  state.counters["weights"] =
      Counter(static_cast<double>(bytes), Counter::kIsIterationInvariantRate, Counter::kIs1024);
}

/// The same with quantised weights.
void quantized(benchmark::State& state, const QuantScheme& scheme, at::ScalarType dtype) {
  const at::NoGradGuard no_grad;
  const int64_t rows = state.range(0), in = state.range(1), out = state.range(2);
  const at::Tensor x = numbers({rows, in}, dtype);
  const QuantizedMatrix one = quantize(numbers({out, in}, at::kFloat), scheme, "w");
  const int64_t bytes = quantized_bytes(scheme, out, in);
  std::vector<QuantizedMatrix> weights;
  for (int64_t i = 0; i < std::max<int64_t>(kWeightBytes / bytes, 1); ++i)
    weights.push_back({scheme, one.values.clone(), one.scales.clone()});
  size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(kernels::quantized_product(x, weights[next], {}));
    next = (next + 1) % weights.size();
  }
  using benchmark::Counter;
  state.counters["FLOP"] =
      Counter(2.0 * static_cast<double>(rows * in * out), Counter::kIsIterationInvariantRate);
  state.counters["weights"] =
      Counter(static_cast<double>(bytes), Counter::kIsIterationInvariantRate, Counter::kIs1024);
}

/// One operator on x [rows,width].
void pointwise(benchmark::State& state, const std::function<at::Tensor(const at::Tensor&)>& compute,
               at::ScalarType dtype) {
  const at::NoGradGuard no_grad;
  const at::Tensor x = numbers({state.range(0), state.range(1)}, dtype);
  for (auto _ : state) benchmark::DoNotOptimize(compute(x));
}

/// Causal attention of one prompt with 16 heads of 64.
void attention(benchmark::State& state, bool own) {
  const at::NoGradGuard no_grad;
  const int64_t length = state.range(0);
  const auto heads = [&] { return numbers({1, 16, length, 64}, at::kBFloat16); };
  const at::Tensor q = heads(), k = heads(), v = heads();
  for (auto _ : state)
    benchmark::DoNotOptimize(own ? kernels::attention_prompt(q, k, v, true)
                                 : at::scaled_dot_product_attention(q, k, v, {}, 0, true));
}

void add_products(const std::string& name, const Product& compute, at::ScalarType dtype,
                  const std::vector<int64_t>& rows) {
  auto* const all = benchmark::RegisterBenchmark(
      name.c_str(), [compute, dtype](benchmark::State& state) { product(state, compute, dtype); });
  for (const int64_t some : rows)
    for (const auto& [in, out] :
         {std::pair<int64_t, int64_t>{1024, 1024}, {1024, 2816}, {3072, 768}, {4096, 1024}})
      all->Args({some, in, out});
  all->ArgNames({"rows", "in", "out"})->UseRealTime();
}

void add_quantized(const std::string& name, const QuantScheme& scheme, at::ScalarType dtype) {
  auto* const all = benchmark::RegisterBenchmark(
      name.c_str(), [scheme, dtype](benchmark::State& state) { quantized(state, scheme, dtype); });
  for (const int64_t rows : {1, 3, 4, 8, 33}) all->Args({rows, 1024, 2816});
  all->ArgNames({"rows", "in", "out"})->UseRealTime();
}

void add_pointwise(const std::string& name, const std::function<at::Tensor(const at::Tensor&)>& compute,
                   at::ScalarType dtype) {
  benchmark::RegisterBenchmark(
      name.c_str(), [compute, dtype](benchmark::State& state) { pointwise(state, compute, dtype); })
      ->Args({1, 2816})
      ->Args({512, 2816})
      ->ArgNames({"rows", "width"})
      ->UseRealTime();
}

void add_all() {
  const Product libtorch = [](const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) {
    return at::linear(x, w, b);
  };
  const Product many_rows = [](const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) {
    return kernels::many_rows_product(x, w, b);
  };
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const std::string kind = dtype == at::kFloat ? "float32" : "bfloat16";
    add_products("product/few_rows/" + kind, kernels::few_rows_product, dtype, {1, 2, 3, 4, 6, 8, 16});
    if (kernels::has_row_tiles(dtype == at::kBFloat16))
      add_products("product/many_rows/" + kind, many_rows, dtype, {1, 2, 3, 4, 6, 8, 16, 33, 64, 200});
    add_products("product/libtorch/" + kind, libtorch, dtype, {1, 3, 4, 8, 16, 33, 64, 200});
    add_quantized("product/int8/" + kind, {QuantScheme::Type::int8, 0}, dtype);
    add_quantized("product/int4:32/" + kind, {QuantScheme::Type::int4, 32}, dtype);
    add_pointwise("gelu_tanh/own/" + kind, kernels::gelu_tanh, dtype);
    add_pointwise(
        "gelu_tanh/libtorch/" + kind, [](const at::Tensor& x) { return at::gelu(x, "tanh"); }, dtype);
    add_pointwise(
        "silu_product/own/" + kind, [](const at::Tensor& x) { return kernels::silu_product(x, x); }, dtype);
    add_pointwise(
        "silu_product/libtorch/" + kind, [](const at::Tensor& x) { return at::silu(x).mul_(x); }, dtype);
  }
  for (const bool own : {true, false})
    benchmark::RegisterBenchmark(own ? "attention_prompt/own/bfloat16" : "attention_prompt/libtorch/bfloat16",
                                 [own](benchmark::State& state) { attention(state, own); })
        ->Arg(64)
        ->Arg(1024)
        ->ArgName("length")
        ->UseRealTime();
}

}  // namespace
}  // namespace flam

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  flam::add_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
