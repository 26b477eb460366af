// The process and its environment: standard streams and limits of the system.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "tests/cli/run_flam.h"

namespace flam {
namespace {

using nlohmann::json;
using test::run_flam;
using testing::HasSubstr;

class Process : public testing::Test {
 protected:
  test::Scratch scratch_;
};

TEST_F(Process, AClosedStreamIsNotReplacedByAnOutputFile) {
  const auto receipt = scratch_.path() / "receipt.json";
  const std::string infer = "infer flamingo_mini_caption " FLAM_SOURCE_DIR "/docs/images/scene.png ";
  const auto no_stdout = run_flam(infer + "--receipt " + receipt.string() + " >&-");
  EXPECT_EQ(no_stdout.status, 1);
  EXPECT_THAT(no_stdout.err, HasSubstr("results are lost"));
  EXPECT_TRUE(json::accept(read_file(receipt, 1 << 20)));
  EXPECT_EQ(run_flam(infer + scratch_.path().string() + "/no.png --receipt " + receipt.string(),
                     "sh -c '\"$@\" 2>&-' sh ")
                .status,
            1);
  EXPECT_TRUE(json::accept(read_file(receipt, 1 << 20)));
}

TEST_F(Process, NoOutputReplacesTheFileOfAStandardStream) {
  const auto file = scratch_.path() / "out.txt";
  const std::string infer =
      "infer flamingo_mini_caption " FLAM_SOURCE_DIR "/docs/images/scene.png --receipt ";
  const auto pipe = run_flam(infer + "/dev/stdout");
  EXPECT_EQ(pipe.status, 2);
  EXPECT_THAT(pipe.err, HasSubstr("cannot write '/dev/stdout': it exists and is not a regular file"));
  for (const std::string& name : {std::string("/dev/stdout"), file.string()}) {
    const auto taken = run_flam(infer + name + " >> " + file.string());
    EXPECT_EQ(taken.status, 2);
    EXPECT_THAT(taken.err, HasSubstr("standard output or error is redirected to it"));
  }
}

TEST_F(Process, AnOutputAboveTheFileSizeLimitIsAnError) {
  const auto ran =
      run_flam("infer flamingo_mini_caption " FLAM_SOURCE_DIR "/docs/images/scene.png --record " +
                   (scratch_.path() / "x.safetensors").string(),
               "ulimit -f 8; ");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, HasSubstr("x.safetensors': File too large"));
  EXPECT_TRUE(std::filesystem::is_empty(scratch_.path()));
}

TEST_F(Process, ACheckpointAboveTheFileSizeLimitIsOneError) {
  const std::string output = (scratch_.path() / "x.safetensors").string();
  const auto ran =
      run_flam("train " FLAM_SOURCE_DIR
               "/configs/_base_/train/flamingo_mini_2_text.yaml --threads 1 --set train.steps=2 "
               "--set train.batch_size=1 --set train.micro_batch_size=0 --set train.warmup_steps=0 "
               "--set train.checkpoint_every=1 --set train.output=" +
                   output,
               "ulimit -f 100; ");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err,
              testing::StartsWith("error: cannot write '" + output + ".checkpoint': File too large; "));
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1);
  EXPECT_TRUE(std::filesystem::is_empty(scratch_.path()));
}

TEST_F(Process, ThreadsThatWaitSpinBrieflyUnlessTheUserSaysOtherwise) {
  // libgomp prints the settings that it has read.
  const auto spins = [](const std::string& environment) {
    const auto ran = run_flam(
        "--version", "env -u GOMP_SPINCOUNT -u OMP_WAIT_POLICY OMP_DISPLAY_ENV=verbose " + environment + " ");
    EXPECT_EQ(ran.status, 0);
    EXPECT_THAT(ran.out, testing::StartsWith("0."));
    const size_t at = ran.err.find("GOMP_SPINCOUNT = '");
    return at == std::string::npos ? -1 : std::stoll(ran.err.substr(at + 18));
  };
  EXPECT_EQ(spins(""), 3'000);
  EXPECT_EQ(spins("GOMP_SPINCOUNT=77"), 77);
  EXPECT_EQ(spins("OMP_WAIT_POLICY=passive"), 0);
  EXPECT_GT(spins("OMP_WAIT_POLICY=active"), 1'000'000);
}

TEST_F(Process, ThreadsThatCannotBeStartedAreAnError) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer needs more address space than the limit";
#endif
  const auto ran =
      run_flam("infer flamingo_mini_caption " FLAM_SOURCE_DIR "/docs/images/scene.png --threads 256",
               "ulimit -s 8192; ulimit -v 1900000; ");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, HasSubstr("can't start 256 threads (Resource temporarily unavailable)"));
}

}  // namespace
}  // namespace flam
