#include "framework/registry/reason.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace flam {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

TEST(ReasonOf, SaysWhatTheMetaDeviceLacksInPlainWords) {
  const auto reason = [](const char* what) { return reason_of(std::runtime_error(what)); };
  EXPECT_EQ(reason("shapes differ\nException raised from f at g.cpp:1"), "shapes differ");
  EXPECT_THAT(
      reason(
          "aten::multinomial: attempted to run this operator with Meta tensors, but there was no fake impl"),
      AllOf(StartsWith("calls aten::multinomial, for which there is no shape function"),
            HasSubstr("use other operators in its place")));
  EXPECT_THAT(reason("mine::roi_align: attempted to run this operator with Meta tensors, but there was none"),
              AllOf(StartsWith("calls mine::roi_align, "), HasSubstr("TORCH_LIBRARY_IMPL(mine, Meta, m)")));
  EXPECT_THAT(reason("aten::_local_scalar_dense: attempted to run this operator with Meta tensors, but …"),
              StartsWith("reads a value from a tensor (item(), …)"));
}

}  // namespace
}  // namespace flam
