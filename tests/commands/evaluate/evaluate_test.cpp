// Evaluation over records of which some can't be run, and configs that name nothing to evaluate.
#include "framework/commands/evaluate/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/file.h"
#include "tests/integration/golden_config.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class Evaluate : public testing::Test {
 protected:
  std::shared_ptr<Session> open(std::vector<std::string> overrides) const {
    RunOptions options;
    options.overrides = std::move(overrides);
    return Session::open("flamingo_mini_caption", options);
  }
  /// The embedded model on the pictures that `lines` list.
  std::shared_ptr<Session> on_folder(const std::string& lines) const {
    write_file(folder_ / "annotations.jsonl", lines);
    return open({"dataset={_delete_: true, type: image_folder, folder: " + folder_.path().string() + "}",
                 "metrics=[{type: exact_match}]"});
  }
  test::Scratch folder_;
};

TEST_F(Evaluate, ARecordThatCannotBeRunCountsAsWrong) {
  std::filesystem::copy_file(FLAM_SOURCE_DIR "/docs/images/scene.png", folder_ / "scene.png");
  const std::string record = R"({"image": "scene.png", "references": ["no such caption"]})";
  const std::string caption =
      on_folder(record)->answer(picture_request(folder_ / "scene.png")).answer.front().second;
  const auto session = on_folder(R"({"image": "scene.png", "references": [")" + caption + "\"]}\n" +
                                 R"({"image": "none.png", "references": ["x"]})" + "\n" + record + "\n");
  EvaluateOptions options;
  options.batch_size = 2;
  options.seed = 9;
  std::vector<std::pair<int64_t, int64_t>> told;
  options.progress = [&](int64_t done, int64_t total) { told.emplace_back(done, total); };
  const Evaluation result = evaluate(*session, options);
  EXPECT_EQ(result.n, 3);
  EXPECT_EQ(result.seed, 9);
  EXPECT_EQ(result.failed, 1);
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_THAT(result.failures[0], HasSubstr((folder_ / "none.png").string() + ": "));
  EXPECT_THAT(result.scores, ElementsAre(Pair("exact", 1.0 / 3)));
  EXPECT_EQ(result.controls.size(), 1u);
  EXPECT_TRUE(result.by_kind.empty());
  EXPECT_THAT(told, ElementsAre(Pair(2, 3), Pair(3, 3)));
  options.blind = false;
  EXPECT_TRUE(evaluate(*session, options).controls.empty());
  options.cancelled = [] { return true; };
  EXPECT_EQ(error_of([&] { evaluate(*session, options); }), "interrupted");
}

TEST_F(Evaluate, AConfigMustNameWhatToEvaluate) {
  const auto golden =
      test::write_golden_config(folder_.path(), test::golden_root() / "v1_tiny", "caption_0shot").string();
  EXPECT_THAT(error_of([&] { evaluate(*Session::open(golden), {}); }), HasSubstr("names no `dataset`"));
  EXPECT_THAT(error_of([&] { evaluate(*open({"metrics=[]"}), {}); }),
              HasSubstr("config 'flamingo_mini_caption' names no `metrics`"));
}

}  // namespace
}  // namespace flam
