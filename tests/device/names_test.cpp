// Names of devices and dtypes on the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/device/device.h"
#include "framework/device/device_memory.h"
#include "framework/device/dtype.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::HasSubstr;

TEST(Device, NamesAreChecked) {
  EXPECT_TRUE(resolve_device("cpu").is_cpu());
  EXPECT_EQ(resolve_device("auto").is_cpu(), !cuda_problem().empty());
  for (const char* name :
       {"", "tpu", "fake", "CPU", "cuda:x", "cuda:", "cuda:-1", "cuda:128", "cuda:1x", "cudax"}) {
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

TEST(DeviceMemory, EveryKindOfRunningOutIsOneError) {
  const c10::SourceLocation here{__func__, __FILE__, __LINE__};
  const auto error_with = [](const auto& error) {
    return error_of([&] { with_device_memory([&] { throw error; }); });
  };
  const std::string expected = "not enough memory on the device: ";
  EXPECT_THAT(error_with(c10::OutOfMemoryError(here, "Tried to allocate 2.00 GiB.\nGPU 0")),
              testing::StartsWith(expected + "Tried to allocate 2.00 GiB.; use "));
  EXPECT_THAT(error_with(c10::AcceleratorError(here, 2, "CUDA error: out of memory")), HasSubstr(expected));
  for (const char* library : {"CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
                              "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"})
    EXPECT_THAT(error_with(c10::Error(here, library)), HasSubstr(expected + library));
  EXPECT_THROW(with_device_memory([&] { throw c10::AcceleratorError(here, 719, "CUDA error"); }),
               c10::AcceleratorError);
  EXPECT_THROW(with_device_memory([&] { throw c10::Error(here, "shapes differ"); }), c10::Error);
}

}  // namespace
}  // namespace flam
