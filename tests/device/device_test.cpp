// Tests on a CUDA device: comparison with references and with the CPU, and running out of memory. Without a
// device, they are skipped with the reason.
#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/base/text.h"
#include "framework/commands/verify/verify.h"
#include "framework/component/step_graph.h"
#include "framework/device/device.h"
#include "framework/session/receipt.h"
#include "tests/integration/golden_config.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

class OnCuda : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string problem = cuda_problem(); !problem.empty()) GTEST_SKIP() << "no CUDA: " << problem;
  }

  static RunOptions on_cuda(const std::string& dtype = "float32") {
    RunOptions options;
    options.device = "cuda";
    options.dtype = dtype;
    return options;
  }

  static void verify_goldens(const RunOptions& options, const VerifyOptions& allowed) {
    const auto folder = test::golden_root() / "v1_tiny";
    const test::Scratch scratch;
    for (const std::string& name : test::prompt_cases(folder)) {
      SCOPED_TRACE(name);
      const auto session =
          Session::open(test::write_golden_config(scratch.path(), folder, name).string(), options);
      const VerifyReport report = verify(*session, folder / name, allowed);
      for (const StageCheck& stage : report.stages)
        EXPECT_TRUE(stage.passed) << stage.stage << ": " << stage.largest_error << " " << stage.note;
    }
  }

  static std::vector<std::string> answers(const RunOptions& options) {
    const std::string scene = std::string(FLAM_SOURCE_DIR) + "/docs/images/scene.png";
    const auto caption = Session::open("flamingo_mini_caption", options);
    const auto vqa = Session::open("flamingo_mini_vqa", options);
    std::vector<std::string> out = {caption->answer(picture_request(scene)).answer.front().second};
    for (const char* question : {"how many objects are there?", "what colour is the star?"})
      out.push_back(vqa->answer(picture_request(scene, question)).answer.front().second);
    return out;
  }
};

TEST_F(OnCuda, AttentionMakesNoPlansAndConvolutionsKeepFloat32) {
  EXPECT_FALSE(at::globalContext().userEnabledCuDNNSDP());
  EXPECT_TRUE(at::globalContext().userEnabledFlashSDP());
  EXPECT_TRUE(at::globalContext().userEnabledMemEfficientSDP());
  EXPECT_FALSE(at::globalContext().allowTF32CuDNN());
}

TEST_F(OnCuda, GoldenCasesAtFloat32) {
  verify_goldens(on_cuda(), {});
}

TEST_F(OnCuda, GoldenCasesAtBfloat16) {
  verify_goldens(on_cuda("bfloat16"), VerifyOptions::of(at::kBFloat16));
}

TEST_F(OnCuda, TheMiniModelGivesTheSameAnswersAsOnTheCpu) {
  const auto expected = answers({});
  EXPECT_EQ(answers(on_cuda()), expected);
  EXPECT_EQ(answers(on_cuda("bfloat16")), expected);
}

TEST_F(OnCuda, CudaGraphsGiveTheSameAnswers) {
  if (open_registry({})->list(StepGraphs::kKind).empty())
    GTEST_SKIP() << "the plugin 'cuda_graph' was not built";
  RunOptions options = on_cuda();
  options.cuda_graph = CudaGraph::on;
  verify_goldens(options, {});
  EXPECT_EQ(answers(options), answers({}));
}

TEST_F(OnCuda, TheReceiptNamesTheDevice) {
  const auto session = Session::open("flamingo_mini_caption", on_cuda());
  const std::vector<Request> requests = {
      picture_request(std::string(FLAM_SOURCE_DIR) + "/docs/images/scene.png")};
  StageTimes times;
  CallOptions call;
  call.times = &times;
  const auto outcomes = session->answer(requests, call);
  const auto receipt = make_receipt(*session, session->config().generation, requests, outcomes, times);
  EXPECT_EQ(receipt["device"], "cuda:0");
  EXPECT_NE(receipt["device_name"], "");
  EXPECT_GT(receipt["peak_device_bytes"].get<int64_t>(), 1 << 20);
}

TEST_F(OnCuda, RunningOutOfMemoryIsOneError) {
  const auto session = Session::open("flamingo_mini_caption", on_cuda());
  at::getDeviceAllocator(at::kCUDA)->emptyCache();
  std::vector<at::Tensor> taken;
  for (int64_t bytes = int64_t{1} << 36; bytes >= int64_t{1} << 20;) {
    try {
      taken.push_back(at::empty({bytes}, at::TensorOptions().device(at::kCUDA).dtype(at::kByte)));
    } catch (const c10::OutOfMemoryError&) {
      bytes /= 2;
    }
  }
  const std::string error = test::error_of([&] {
    std::vector<Request> requests(64,
                                  picture_request(std::string(FLAM_SOURCE_DIR) + "/docs/images/scene.png"));
    for (const Outcome& outcome : session->answer(requests)) {
      if (outcome.error) throw RunError(*outcome.error);
    }
  });
  EXPECT_THAT(error, testing::HasSubstr("not enough memory on the device"));
  EXPECT_THAT(error, testing::Not(testing::HasSubstr("\n")));
}

}  // namespace
}  // namespace flam
