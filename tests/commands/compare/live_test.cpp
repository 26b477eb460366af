// The report of an experiment that is still going on, and files in the output folder that are no reports.
#include "tests/commands/compare/compare_fixture.h"

namespace flam {
namespace {

TEST_F(Compare, WhileAVariantTrainsThePageShowsItsCurveAndReloadsItself) {
  const std::string call = "compare " + write(test::kTinyExperiment) + " --threads 1 --output " + output() +
                           " --set seeds=[1] --set stages.1.set.train.steps=100000 ";
  const std::string script = once_training(
      "cd " + output() +
      "\nfor i in $(seq 1200); do grep -q 'Learning curves' compare.html && break; sleep 0.1; done\n"
      "cp compare.html compare.json ..\nkill -KILL $flam\n");
  const auto killed = run_flam(call, "bash " + script + " ");
  EXPECT_EQ(killed.status, 128 + SIGKILL) << killed.err;
  const json report = json::parse(read_file(scratch_ / "compare.json", 1 << 24));
  const json& running = report["running"];
  EXPECT_EQ(running["variant"], "base");
  EXPECT_EQ(running["seed"], 1);
  EXPECT_EQ(running["unit"], "train joint");
  EXPECT_GT(running["step"], 0);
  EXPECT_EQ(running["steps"], 100000);
  const json& variant = report["variants"][0];
  EXPECT_EQ(variant["status"], "running");
  EXPECT_EQ(variant["runs"][0]["status"], "running");
  EXPECT_EQ(report["variants"][1]["status"], "not run");
  ASSERT_EQ(variant["curves"].size(), 1);
  EXPECT_EQ(variant["curves"][0]["stage"], "joint");
  EXPECT_EQ(variant["curves"][0]["points"].back()["step"], running["step"]);
  EXPECT_THAT(read_file(scratch_ / "compare.html", 1 << 24),
              AllOf(HasSubstr("<meta http-equiv=\"refresh\" content=\"10\">"),
                    HasSubstr("<p>Running: base, seed 1, train joint, step "), HasSubstr(" of 100000. "),
                    HasSubstr("This page reloads itself while the experiment runs."),
                    HasSubstr("loss pred_caption, last stage"), Not(HasSubstr("<script"))));

  // The process is gone, but its page is there until the report is made again. The child still holds the lock
  // until it has ended.
  EXPECT_THAT(read("compare.html"), HasSubstr("http-equiv"));
  const auto repaired = run_flam(call + "--report --json", "flock " + output() + "/lock true && ");
  EXPECT_EQ(repaired.status, 0) << repaired.err;
  EXPECT_FALSE(json::parse(repaired.out).contains("running"));
  EXPECT_EQ(json::parse(repaired.out)["variants"][0]["status"], "not run");
  EXPECT_THAT(read("compare.html"), AllOf(Not(HasSubstr("http-equiv")), Not(HasSubstr("unning"))));
}

TEST_F(Compare, AFileThatIsNoReportIsNotReplaced) {
  const std::string experiment = kUntrained + std::string("evaluate: []\nvariants: [{name: base}]\n");
  for (const char* name : {"compare.html", "compare.csv", "compare.json"}) {
    std::filesystem::create_directories(output());
    write_file(scratch_ / "out" / name, "{\"mine\": 1}");
    for (const char* option : {"", "--report"}) {
      const auto refused = compare(experiment, option);
      EXPECT_EQ(refused.status, 2) << refused.err;
      EXPECT_THAT(refused.err, AllOf(HasSubstr("the report would replace '"), HasSubstr(name),
                                     HasSubstr("; move the file away, or set another `output`")));
    }
    EXPECT_EQ(read(name), "{\"mine\": 1}");
    EXPECT_FALSE(std::filesystem::exists(scratch_ / "out" / "work"));
    std::filesystem::remove_all(output());
  }
  // A report in another layout is still one.
  ASSERT_EQ(compare(experiment).status, 0);
  write_file(scratch_ / "out" / "compare.json", json::parse(read("compare.json")).dump());
  EXPECT_EQ(compare(experiment, "--report").status, 0);
}

}  // namespace
}  // namespace flam
