// Tests of the graph plugin that need no device: it is found and loads, says why it cannot be used, and
// libtorch's CUDA half has the functions that it calls.
#include <ATen/Context.h>
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/dll/library_info.hpp>
#include <set>

#include "framework/component/step_graph.h"
#include "framework/testing/component.h"
#include "plugins/step_graph/cuda_graph/symbols.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

TEST(CudaGraph, WorksOnlyOnCudaDevices) {
  const std::string error =
      test::error_of([] { Built<StepGraphs>("{type: cuda_graph}", StepGraphs::Input{at::kCPU}); });
  EXPECT_THAT(error, testing::HasSubstr("cuda_graph"));
  EXPECT_THAT(error, testing::HasSubstr("found cpu"));
}

TEST(CudaGraph, SaysThatTheCudaHalfIsNotLoaded) {
  // Nothing in this program has loaded it.
  const std::string error = test::error_of(
      [] { Built<StepGraphs>("{type: cuda_graph}", StepGraphs::Input{at::Device(at::kCUDA, 0)}); });
  EXPECT_THAT(error, testing::HasSubstr("CUDA half is not loaded"));
}

TEST(CudaGraph, TheCudaHalfHasTheFunctionsThatItCalls) {
  Dl_info info{};
  ASSERT_NE(dladdr(reinterpret_cast<const void*>(&at::globalContext), &info), 0);
  const auto half = std::filesystem::path(info.dli_fname).parent_path() / "libtorch_cuda.so";
  if (!std::filesystem::exists(half)) GTEST_SKIP() << "this libtorch has no CUDA half";
  boost::dll::library_info library(half.string());
  const std::vector<std::string> listed = library.symbols();
  const std::set<std::string> exported(listed.begin(), listed.end());
  for (const char* symbol : cuda_graph_symbols::kAll) EXPECT_TRUE(exported.contains(symbol)) << symbol;
}

}  // namespace
}  // namespace flam
