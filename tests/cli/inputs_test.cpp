// What `flam infer` makes of folders, of ids, and of paths that are not UTF-8.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "tests/cli/run_flam.h"

namespace flam {
namespace {

using nlohmann::json;
using test::Ran;
using test::run_flam;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kScene = FLAM_SOURCE_DIR "/docs/images/scene.png";
constexpr const char* kSuffixes = FLAM_SOURCE_DIR "/tests/request/suffixes";

class Inputs : public testing::Test {
 protected:
  static Ran infer(const std::string& arguments) {
    return run_flam("infer flamingo_mini_caption --json --max-new-tokens 3 " + arguments);
  }
  static std::vector<json> lines(const Ran& ran) {
    std::vector<json> lines;
    std::istringstream in(ran.out);
    for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
    return lines;
  }
  test::Scratch scratch_;
};

TEST_F(Inputs, PicturesOfAFolderAreKnownByTheirBytes) {
  const auto ran = infer(kSuffixes);
  EXPECT_EQ(ran.status, 1);
  const std::vector<json> answers = lines(ran);
  ASSERT_EQ(answers.size(), 7u);
  for (size_t i = 0; i < 6; ++i) EXPECT_TRUE(answers[i].contains("pred_caption")) << answers[i];
  EXPECT_EQ(answers[6]["id"], std::string(kSuffixes) + "/g.heic");
  EXPECT_THAT(answers[6]["error"], HasSubstr("g.heic"));
  EXPECT_THAT(ran.err, Not(HasSubstr("left out")));
}

TEST_F(Inputs, WhatIsLeftOutIsSaidOnceOnStderr) {
  std::filesystem::create_directory(scratch_ / "sub");
  std::filesystem::create_symlink(kScene, scratch_ / "scene.png");
  std::filesystem::create_symlink("..", scratch_ / "sub/up");
  for (const char* name : {"a.txt", "sub/b.json", "sub/c.txt"}) write_file(scratch_ / name, "text");
  const auto ran = infer("--recursive " + scratch_.path().string());
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(lines(ran).size(), 1u);
  EXPECT_EQ(ran.err,
            "left out 3 files that are not pictures: 2 .txt, 1 .json; 1 link to a folder that was entered "
            "before\n");
}

TEST_F(Inputs, AFileThatCannotBeOpenedIsAnErrorAmongTheAnswers) {
  std::filesystem::create_symlink(kScene, scratch_ / "scene.png");
  std::filesystem::create_symlink("loop", scratch_ / "loop");
  const auto ran = infer(scratch_.path().string());
  EXPECT_EQ(ran.status, 1);
  const std::vector<json> answers = lines(ran);
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0]["id"], (scratch_ / "loop").string());
  EXPECT_THAT(answers[0]["error"], HasSubstr("symbolic links"));
  EXPECT_TRUE(answers[1].contains("pred_caption"));
}

TEST_F(Inputs, AnIdInARequestIsRepeatedInItsOutcome) {
  const json parts = {{{"image", kScene}}}, broken = {{{"image", "none.png"}}};
  write_file(scratch_ / "r.jsonl", json{{"id", "7"}, {"parts", parts}}.dump() + "\n" +
                                       json{{"parts", parts}, {"id", "8"}}.dump() + "\n" +
                                       json{{"parts", broken}, {"id", "9"}}.dump() + "\n" +
                                       json{{"parts", parts}}.dump() + "\n");
  const auto ran = infer("--request " + (scratch_ / "r.jsonl").string());
  EXPECT_EQ(ran.status, 1);
  std::vector<std::string> ids;
  for (const json& answer : lines(ran)) {
    ids.push_back(answer["id"]);
    EXPECT_FALSE(answer.contains("image"));
  }
  EXPECT_THAT(ids, testing::ElementsAre("7", "8", "9", kScene));
}

TEST_F(Inputs, APathThatIsNotUtf8CanBeGivenBack) {
  std::filesystem::create_symlink(kScene, scratch_ / "caf\xe9.png");
  const auto first = infer(scratch_.path().string() + " --receipt " + (scratch_ / "receipt.json").string());
  ASSERT_EQ(first.status, 0) << first.err;
  const std::string id = lines(first).at(0)["id"];
  EXPECT_EQ(id, "file://" + (scratch_ / "caf%E9.png").string());
  const json receipt = json::parse(read_file(scratch_ / "receipt.json", 1 << 24));
  EXPECT_EQ(receipt["runs"][0]["request"]["parts"][0]["image"], id);

  write_file(scratch_ / "r.jsonl", receipt["runs"][0]["request"].dump() + "\n");
  const auto again = infer("--request " + (scratch_ / "r.jsonl").string());
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(again.out, first.out);
}

}  // namespace
}  // namespace flam
