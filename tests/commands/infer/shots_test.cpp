// Shots of `flam infer`: from a file, kept for many requests, and in a file of their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/commands/infer/infer.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Json = nlohmann::json;

const std::string kScene = FLAM_SOURCE_DIR "/docs/images/scene.png";

class InferShots : public testing::Test {
 protected:
  InferShots() {
    options_.config = "flamingo_mini_caption";
    options_.inputs.images = {kScene, picture_};
    options_.max_new_tokens = 8;
    std::filesystem::copy_file(kScene, picture_);
    write_file(scratch_ / "shots.json", R"([{"image": "other.png", "caption": "a red circle.", "id": "first"},
                                            {"image": ")" +
                                            kScene + R"(", "caption": "two squares."}])");
    hooks_.outcome = [this](const Request& request, const Outcome& outcome, const GenerationParams&) {
      answers_.push_back(request.id + ": " + outcome.error.value_or(""));
      for (const auto& [field, text] : outcome.answer) answers_.back() += text;
    };
  }
  std::vector<std::string> answers(const InferOptions& options) {
    answers_.clear();
    infer(options, hooks_);
    return answers_;
  }
  std::string refusal(const InferOptions& options) {
    answers_.clear();
    return error_of([&] { infer(options, hooks_); });
  }
  std::string in_scratch(const char* name) const { return (scratch_ / name).string(); }

  test::Scratch scratch_;
  std::string picture_ = (scratch_ / "other.png").string();
  InferOptions options_;
  InferHooks hooks_;
  std::vector<std::string> answers_;
};

TEST_F(InferShots, OfAFileAndOfOptionsGiveTheSame) {
  InferOptions by_option = options_, by_file = options_;
  by_option.inputs.shots = {picture_ + "=a red circle.", kScene + "=two squares."};
  by_file.inputs.shots_file = in_scratch("shots.json");
  const auto expected = answers(by_option);
  EXPECT_EQ(expected.size(), 2U);
  EXPECT_NE(expected, answers(options_));
  EXPECT_EQ(answers(by_file), expected);
  by_file.batch_size = 2;
  EXPECT_EQ(answers(by_file), expected);
  InferOptions single = by_file;  // of one picture, no context is made
  single.inputs.images = {picture_};
  EXPECT_THAT(answers(single), ElementsAre(expected[1]));
}

TEST_F(InferShots, AreNamedInTheReceipt) {
  options_.inputs.shots_file = in_scratch("shots.json");
  options_.receipt = in_scratch("receipt.json");
  answers(options_);
  const Json receipt = Json::parse(read_file(options_.receipt, 1 << 20));
  EXPECT_EQ(receipt["shots"], (Json{"first", kScene}));
  EXPECT_EQ(receipt["runs"][0]["request"]["parts"].size(), 5U);
}

TEST_F(InferShots, AreKeptInAFile) {
  InferOptions with_shots = options_;
  with_shots.inputs.shots_file = in_scratch("shots.json");
  const auto expected = answers(with_shots);
  InferOptions saving = with_shots;
  saving.inputs.images.clear();
  saving.save_context = in_scratch("context.safetensors");
  EXPECT_TRUE(answers(saving).empty());
  options_.load_context = saving.save_context;
  options_.receipt = in_scratch("receipt.json");
  std::filesystem::remove(scratch_ / "shots.json");
  EXPECT_EQ(answers(options_), expected);
  const Json receipt = Json::parse(read_file(options_.receipt, 1 << 20));
  EXPECT_EQ(receipt["context"], saving.save_context);

  // Requests of a file follow the shots as well.
  write_file(scratch_ / "requests.jsonl", R"({"parts": [{"image": ")" + kScene + "\"}]}\n");
  options_.inputs.images.clear();
  options_.inputs.request_file = in_scratch("requests.jsonl");
  EXPECT_THAT(answers(options_), ElementsAre(expected[0]));
}

TEST_F(InferShots, ThatAreWrongAreOneErrorOfTheRun) {
  write_file(scratch_ / "other.png", "no picture");
  options_.inputs.shots_file = in_scratch("shots.json");
  options_.inputs.images = {kScene, kScene};
  EXPECT_THAT(refusal(options_), HasSubstr("other.png"));
  EXPECT_TRUE(answers_.empty());
  write_file(scratch_ / "shots.json", "[{\"image\": \"none.png\", \"caption\": \"x\"}]");
  EXPECT_THAT(refusal(options_), HasSubstr("shots.json:1:12: no picture file"));
}

TEST_F(InferShots, OptionsThatContradictEachOtherAreRefused) {
  InferOptions options = options_;
  options.save_context = in_scratch("context.safetensors");
  EXPECT_THAT(refusal(options), HasSubstr("--save-context needs the shots"));
  options = options_;
  options.load_context = in_scratch("context.safetensors");
  EXPECT_THAT(refusal(options), HasSubstr("context.safetensors"));
  options.inputs.shots_file = in_scratch("shots.json");
  EXPECT_THAT(refusal(options), HasSubstr("--load-context has its own shots"));
  options.inputs.shots_file.clear();
  options.inputs.images = {kScene};
  options.explain = in_scratch("page.html");
  EXPECT_THAT(refusal(options), HasSubstr("whole prompts"));
  options = options_;
  options.inputs.shots_file = options.save_context = in_scratch("shots.json");
  EXPECT_THAT(refusal(options), HasSubstr("--save-context"));
  EXPECT_TRUE(std::filesystem::exists(scratch_ / "shots.json"));
}

TEST_F(InferShots, AreDroppedWherePromptsAreTooLong) {
  options_.session.overrides = {"model.language_decoder.max_position_embeddings=25"};
  options_.inputs.shots_file = in_scratch("shots.json");
  for (const std::string& answer : answers(options_)) EXPECT_THAT(answer, HasSubstr("context of 25"));
  options_.session.overrides.emplace_back("generation.when_too_long=drop_shots");
  options_.receipt = in_scratch("receipt.json");
  EXPECT_EQ(answers(options_).size(), 2U);
  const Json receipt = Json::parse(read_file(options_.receipt, 1 << 20));
  EXPECT_GT(receipt["runs"][0]["dropped_shots"], 0);
}

}  // namespace
}  // namespace flam
