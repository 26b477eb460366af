// Names of devices and dtypes on the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/device/device.h"
#include "framework/device/dtype.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::HasSubstr;

TEST(Device, NamesAreChecked) {
  EXPECT_TRUE(resolve_device("cpu").is_cpu());
  EXPECT_EQ(resolve_device("auto").is_cpu(), !cuda_problem().empty());
  for (const char* name : {"", "tpu", "fake", "CPU", "cuda:x", "cuda:", "cuda:-1", "cuda:128", "cuda:1x", "cudax"}) {
    EXPECT_THAT(error_of([&] { resolve_device(name); }), HasSubstr("expected auto, cpu, cuda or cuda:N"))
        << name;
  }
  if (!cuda_problem().empty()) {
    EXPECT_EQ(error_of([] { resolve_device("cuda:0"); }), "device 'cuda:0' can't be used: " + cuda_problem());
  }
}

TEST(Device, DtypesAreConvertedToAndFromNames) {
  for (const char* name : {"float32", "bfloat16", "float16"})
    EXPECT_EQ(dtype_name(resolve_dtype(name)), name);
  EXPECT_THAT(error_of([] { resolve_dtype("fp16"); }),
              HasSubstr("unknown dtype 'fp16'; expected float32, bfloat16 or float16"));
}

}  // namespace
}  // namespace flam
