#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/component/transform.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

TEST(Resize, ResizesToTheSize) {
  const Pixels grey{at::full({30, 7, 3}, 77, at::kByte)};
  EXPECT_TRUE(Built<Transform>("{type: resize, size: 12}")
                  ->apply(grey)
                  .data.equal(at::full({12, 12, 3}, 77, at::kByte)));
  EXPECT_TRUE(Built<Transform>("{type: resize, height: 4, width: 50, interpolation: bilinear}")
                  ->apply(grey)
                  .data.equal(at::full({4, 50, 3}, 77, at::kByte)));
}

TEST(Resize, NeedsSizeOrHeightAndWidth) {
  for (const char* yaml :
       {"{type: resize}", "{type: resize, height: 3}", "{type: resize, size: 3, width: 3}"}) {
    try {
      Built<Transform>{yaml};
      ADD_FAILURE() << yaml;
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), testing::HasSubstr("either 'size' or both 'height' and 'width'"));
    }
  }
}

}  // namespace
}  // namespace flam
