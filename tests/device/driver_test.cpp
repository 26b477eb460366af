// Messages about CUDA if it can't be used, tested with a fake driver: one error on one line, with exit
// status 2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/device/device.h"
#include "tests/cli/run_flam.h"

namespace flam {
namespace {

using test::Ran;
using test::run_flam;
using testing::HasSubstr;

Ran infer(const std::string& options, const std::string& environment) {
  return run_flam("infer flamingo_mini_vqa " FLAM_SOURCE_DIR
                  "/docs/images/scene.png --question 'what colour is the star?' " +
                      options,
                  "LD_LIBRARY_PATH=" FLAM_FAKE_DRIVER " " + environment + " ");
}

void expect_one_error(const Ran& ran, const std::string& message) {
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "error: " + message + "\n");
}

TEST(CudaDriver, ADeviceThatDoesNotExistIsAnError) {
  expect_one_error(infer("--device cuda:99", "FAKE_CUDA_DEVICES=2"),
                   "device 'cuda:99' can't be used: there are 2 CUDA devices, cuda:0 to cuda:1");
  expect_one_error(infer("--device cuda:1", "FAKE_CUDA_DEVICES=1"),
                   "device 'cuda:1' can't be used: there is 1 CUDA device, cuda:0");
}

TEST(CudaDriver, ADriverWithoutDevicesIsAnError) {
  expect_one_error(
      infer("--device cuda", "CUDA_VISIBLE_DEVICES= FAKE_CUDA_DEVICES=2"),
      "device 'cuda' can't be used: the NVIDIA driver finds no device (CUDA_VISIBLE_DEVICES is '')");
  expect_one_error(
      infer("--device cuda:99", "CUDA_VISIBLE_DEVICES= FAKE_CUDA_DEVICES=2"),
      "device 'cuda:99' can't be used: the NVIDIA driver finds no device (CUDA_VISIBLE_DEVICES is '')");
  expect_one_error(infer("--device cuda", "FAKE_CUDA_DEVICES=0"),
                   "device 'cuda' can't be used: the NVIDIA driver finds no device");
}

TEST(CudaDriver, AFailingDriverIsAnError) {
  expect_one_error(
      infer("--device cuda", "FAKE_CUDA_INIT=803"),
      "device 'cuda' can't be used: the NVIDIA driver doesn't start: system has unsupported display "
      "driver / cuda driver combination (error 803 of the driver)");
}

TEST(CudaDriver, AutoReportsItsChoiceAndTheReason) {
  const Ran ran = infer("--device auto", "FAKE_CUDA_DEVICES=0");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "purple\n");
  EXPECT_THAT(ran.err, HasSubstr("device: cpu (no CUDA: the NVIDIA driver finds no device)"));
}

TEST(CudaDriver, AnUnknownNameIsAnError) {
  for (const std::string name :
       {"gpu", "cuda:", "cuda:-1", "cuda:one", "cuda:0x", "cuda0", "cuda:99999999999999999999"})
    EXPECT_EQ(test::error_of([&] { resolve_device(name); }),
              "unknown device '" + name + "'; expected auto, cpu, cuda or cuda:N");
}

TEST(CudaDriver, GraphsNeedADevice) {
  expect_one_error(infer("--cuda-graph", ""),
                   "CUDA graphs need a CUDA device, found 'cpu'; give --device cuda");
  const Ran ran = infer("--cuda-graph --device auto", "FAKE_CUDA_DEVICES=0");
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err,
              testing::EndsWith("error: CUDA graphs need a CUDA device, found 'cpu'; give --device cuda\n"));
}

TEST(CudaDriver, DoctorReportsTheReason) {
  const Ran ran =
      run_flam("doctor", "LD_LIBRARY_PATH=" FLAM_FAKE_DRIVER " FAKE_CUDA_DEVICES=0 FAKE_CUDA_VERSION=12040 ");
  EXPECT_THAT(ran.out, HasSubstr("cuda: not usable: the NVIDIA driver finds no device\n"
                                 "  the driver supports CUDA 12.4\n"));
}

}  // namespace
}  // namespace flam
