#include "framework/registry/reason.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace flam {
namespace {

TEST(ReasonOf, SaysWhatTheMetaDeviceLacksInPlainWords) {
  const auto reason = [](const char* what) { return reason_of(std::runtime_error(what)); };
  EXPECT_EQ(reason("shapes differ\nException raised from f at g.cpp:1"), "shapes differ");
  EXPECT_THAT(
      reason("aten::relu: attempted to run this operator with Meta tensors, but there was no fake impl"),
      testing::StartsWith("libtorch has no aten::relu for the meta device"));
  EXPECT_THAT(reason("aten::_local_scalar_dense: attempted to run this operator with Meta tensors, but …"),
              testing::StartsWith("reads a value from a tensor (item(), …)"));
  EXPECT_THAT(reason("convolution_overrideable not implemented. You are likely"),
              testing::StartsWith("libtorch has no convolution for the meta device"));
}

}  // namespace
}  // namespace flam
