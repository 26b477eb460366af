// What `flam evaluate` refuses before the weights are loaded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/file.h"
#include "framework/commands/evaluate/evaluate.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using testing::AllOf;
using testing::HasSubstr;

class CheckEvaluation : public testing::Test {
 protected:
  CheckEvaluation() { options_.output = (scratch_ / "results").string(); }
  std::string error(const std::vector<std::string>& overrides = {}) {
    const RunConfig config = RunConfig::load("flamingo_mini_vqa", overrides, *registry_);
    return error_of([&] { check_evaluation(config, options_); });
  }
  void put(const std::string& file, const std::string& text = "") {
    fs::create_directories(options_.output);
    write_file(fs::path(options_.output) / file, text);
  }

  test::Scratch scratch_;
  std::unique_ptr<Registry> registry_ = open_registry({});
  EvaluateOptions options_;
};

TEST_F(CheckEvaluation, LeavesNothingBehind) {
  EXPECT_EQ(error(), "");
  options_.output = (scratch_ / "a" / "b/").string();
  EXPECT_EQ(error(), "");
  EXPECT_TRUE(fs::is_empty(scratch_.path()));
  options_.output = (scratch_ / "made").string();
  fs::create_directory(options_.output);
  EXPECT_EQ(error(), "");
  EXPECT_TRUE(fs::is_empty(options_.output));
}

TEST_F(CheckEvaluation, AFolderThatCannotBeWrittenIsRefused) {
  write_file(scratch_ / "file", "");
  options_.output = (scratch_ / "file").string();
  EXPECT_THAT(error(), HasSubstr("file': it is a file"));
  options_.output = (scratch_ / "file" / "a" / "b").string();
  EXPECT_THAT(error(), AllOf(HasSubstr("cannot write '"), HasSubstr("/file/a': Not a directory")));
  options_.output = (scratch_ / "odd").string();
  fs::create_directories(fs::path(options_.output) / "blind.jsonl");
  EXPECT_THAT(error(), HasSubstr("blind.jsonl': it exists and is not a regular file"));
  options_.blind = false;
  EXPECT_EQ(error(), "");
}

TEST_F(CheckEvaluation, FilesOfOtherProgramsAreReplacedOnlyOnRequest) {
  put("predictions.jsonl");
  EXPECT_THAT(error(), AllOf(HasSubstr("predictions.jsonl' exists, but the folder has no receipt.json"),
                             HasSubstr("--overwrite")));
  put("receipt.json", "{}");
  EXPECT_THAT(error(), HasSubstr("is not a receipt of `flam evaluate`"));
  options_.overwrite = true;
  EXPECT_EQ(error(), "");
}

TEST_F(CheckEvaluation, AConfigThatCannotBeEvaluatedIsRefused) {
  options_.shots = 2;
  EXPECT_THAT(error(), HasSubstr("names no `shots`"));
  options_.shots.reset();
  options_.output.clear();
  EXPECT_THAT(error({"metrics=[]"}), HasSubstr("names no `metrics`"));
}

}  // namespace
}  // namespace flam
