// Runs that are interrupted, by another process or by Ctrl-C, and how they are resumed.
#include "tests/commands/compare/compare_fixture.h"

namespace flam {
namespace {

// A SIGTERM that another process sends to a run is a failure of that run, not the user's wish to stop.
TEST_F(Compare, ARunThatAnotherProcessEndsHasFailed) {
  const std::string script = once_training(
      "for stat in /proc/[0-9]*/stat; do\n"
      "  read -r pid _ _ parent _ <$stat && [ \"$parent\" = $flam ] && kill -TERM $pid\n"
      "done 2>/dev/null\n");
  const auto ran = run_flam("compare " + write(test::kTinyExperiment) + " --threads 1 --output " + output() +
                                " --set seeds=[1] --set 'variants=[{name: base}]' --set evaluate=[] "
                                "--set stages.1.set.train.steps=100000 --json",
                            "bash " + script + " ");
  EXPECT_EQ(ran.status, 1) << ran.err;
  EXPECT_EQ(json::parse(ran.out)["variants"][0]["reason"], "seed 1: train joint: its process was ended");
}

TEST_F(Compare, EndsAtCtrlCAndIsResumed) {
  const std::string call =
      "compare " + write(test::kTinyExperiment) + " --threads 1 --output " + output() +
      " --set seeds=[1] --set stages.1.set.train.steps=300 --set stages.1.set.train.log_every=50 --json";
  const std::string script = once_training("kill -INT $flam\n");
  const auto stopped = run_flam(call, "bash " + script + " ");
  EXPECT_EQ(stopped.status, 130) << stopped.err;
  EXPECT_EQ(stopped.out, "");
  EXPECT_THAT(stopped.err, HasSubstr("the same command continues"));
  EXPECT_THAT(read("compare.html"), Not(HasSubstr("http-equiv")));  // it reloads only while a run goes on
  EXPECT_FALSE(json::parse(read("compare.json")).contains("running"));
  std::string curve;
  for (const auto& entry : std::filesystem::directory_iterator(scratch_ / "out" / "work"))
    if (entry.path().extension() == ".curve") curve = entry.path().string();
  const std::string stem = curve.substr(0, curve.size() - 6);
  EXPECT_TRUE(std::filesystem::exists(stem + ".safetensors.checkpoint"));
  EXPECT_FALSE(std::filesystem::exists(stem + ".json"));
  const std::string before = read_file(curve, 1 << 24);
  write_file(curve,  // lines that are not points are ignored
             before + "3\n{\"step\": \"x\"}\n{\"step\": 1}\n" + std::string(1'000'000, '[') + "\n");

  const auto again = run_flam(call);
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(read_file(curve, 1 << 24), testing::StartsWith(before));
  const json points = json::parse(again.out)["variants"][0]["curves"][0]["points"];
  ASSERT_EQ(points.size(), 6);
  std::filesystem::remove_all(output());
  const auto whole = run_flam(call);
  ASSERT_EQ(whole.status, 0) << whole.err;
  const json expected = json::parse(whole.out)["variants"][0]["curves"][0]["points"];
  ASSERT_EQ(expected.size(), points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    EXPECT_EQ(points[i]["step"], 50 * (i + 1));
    EXPECT_EQ(points[i]["losses"], expected[i]["losses"]);
  }
}

}  // namespace
}  // namespace flam
