// Dumps that differ from the model, are incomplete, or are malformed.
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/commands/verify/verify.h"
#include "framework/weights/checkpoint.h"
#include "tests/integration/golden_config.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::error_of;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

class Verify : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const test::Scratch scratch;
    session_ = Session::open(test::write_golden_config(scratch.path(), kFolder, kCase).string());
  }
  static void TearDownTestSuite() { session_.reset(); }

  Verify() {
    const auto stored = open_checkpoint(kFolder / (kCase + ".safetensors"));
    for (const std::string& name : stored->names()) tensors_[name] = stored->tensor(name).clone();
    side_ = json::parse(read_file(kFolder / (kCase + ".json"), 1 << 20));
    fs::create_directory_symlink(kFolder / "images", folder_ / "images");
  }

  /// The report on the modified case.
  VerifyReport report() const {
    write_safetensors(folder_ / "dump.safetensors", {tensors_.begin(), tensors_.end()});
    write_file(folder_ / "dump.json", side_.dump());
    return verify(*session_, folder_ / "dump");
  }
  std::string error() const {
    return error_of([&] { report(); });
  }
  static StageCheck stage(const VerifyReport& report, const std::string& name) {
    for (const StageCheck& check : report.stages) {
      if (check.stage == name) return check;
    }
    ADD_FAILURE() << "no stage " << name;
    return {};
  }

  static inline const fs::path kFolder = test::golden_root() / "v1_tiny";
  static inline const std::string kCase = "caption_0shot";
  static inline std::shared_ptr<Session> session_;
  test::Scratch folder_;
  std::map<std::string, at::Tensor> tensors_;
  json side_;
};

TEST_F(Verify, TheUnchangedDumpPasses) {
  const VerifyReport unchanged = report();
  EXPECT_TRUE(unchanged.passed());
  EXPECT_EQ(unchanged.first_departure(), "");
}

TEST_F(Verify, NamesTheFirstStageThatDiffers) {
  tensors_.at("hidden_layer1").add_(0.01);
  tensors_.at("final_norm").fill_(NAN);
  tensors_["perceiver_out"] = tensors_.at("perceiver_out").narrow(-1, 0, 1).clone();
  const VerifyReport departs = report();
  EXPECT_FALSE(departs.passed());
  EXPECT_EQ(departs.first_departure(), "media_tokens");
  EXPECT_THAT(stage(departs, "media_tokens").note, HasSubstr("ours has shape ["));
  EXPECT_EQ(stage(departs, "media_tokens").largest_error, HUGE_VAL);
  EXPECT_NEAR(stage(departs, "hidden_layer1").largest_error, 0.01, 1e-3);
  EXPECT_FALSE(stage(departs, "hidden_layer1").passed);
  EXPECT_FALSE(stage(departs, "final_norm").passed);
  EXPECT_TRUE(std::isnan(stage(departs, "final_norm").cosine));
  EXPECT_TRUE(stage(departs, "hidden_layer0").passed);
}

TEST_F(Verify, FindsStagesUnderOlderNames) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> stages = {
      {"vision_features", {"vit_patch_tokens", "vision_out", "vision_features"}},
      {"media_tokens", {"perceiver_out", "media_tokens"}}};
  for (const auto& [stage_name, names] : stages) {
    at::Tensor stored = tensors_.at(names.front());
    std::string last = names.front();
    for (const std::string& name : names) {
      tensors_.erase(last);
      tensors_[name] = stored;
      last = name;
      EXPECT_TRUE(stage(report(), stage_name).passed) << name;
    }
    tensors_[last] = stored + 1;
    EXPECT_EQ(report().first_departure(), stage_name);
    tensors_[last] = stored;
  }
}

TEST_F(Verify, PrefixTokensOfStoredFeaturesAreLeftOut) {
  const at::Tensor patches = tensors_.at("vit_patch_tokens");
  tensors_.erase("vit_patch_tokens");
  tensors_["vision_out"] = at::cat({at::ones_like(patches.narrow(1, 0, 1)), patches}, 1);
  EXPECT_TRUE(stage(report(), "vision_features").passed);
}

TEST_F(Verify, IdsAndTextsMustBeEqual) {
  tensors_.at("input_ids").select(1, 0).add_(1);
  tensors_["attention_mask"] = at::full({1, 2}, 1, at::kLong);
  side_["prompts"][0] = side_["prompts"][0].get<std::string>() + "!";
  side_["greedy"]["text"][0] = "something else";
  const VerifyReport departs = report();
  EXPECT_THAT(stage(departs, "attention_mask").note, HasSubstr("ours has shape"));
  EXPECT_FALSE(stage(departs, "prompt_text[0]").passed);
  EXPECT_THAT(stage(departs, "greedy[0].text").note,
              AllOf(HasSubstr("ours '"), HasSubstr("reference 'something else'")));
}

TEST_F(Verify, AnswersThatAreNotJudgedAreNotCompared) {
  side_["greedy"]["text"][0] = "something else";
  EXPECT_FALSE(report().passed());
  VerifyOptions options;
  options.judge_answers = false;
  const VerifyReport lenient = verify(*session_, folder_ / "dump", options);
  EXPECT_TRUE(lenient.passed());
  EXPECT_FALSE(stage(lenient, "greedy[0].text").compared);
  EXPECT_THAT(stage(lenient, "greedy[0].text").note, HasSubstr("not judged"));
  EXPECT_EQ(lenient.num_compared(), std::ssize(lenient.stages) - 1);
}

TEST_F(Verify, SkipsStagesThatTheDumpLacks) {
  tensors_ = {{"input_ids", tensors_.at("input_ids")}};
  const VerifyReport little = report();
  EXPECT_TRUE(little.passed());
  for (const char* name : {"vision_features", "hidden_layer0", "logits", "greedy_step_logits", "greedy_ids",
                           "beam3_ids", "beam3_lp1_ids"}) {
    EXPECT_THAT(little.skipped, Contains(name));
  }
  tensors_.begin()->second.sub_(1);
  EXPECT_THAT(stage(report(), "input_ids").note, HasSubstr(" elements differ"));
}

TEST_F(Verify, NothingToCompareIsAnError) {
  tensors_ = {{"something", at::full({1}, 1, at::kFloat)}};
  side_ = {{"prompts", {"Output:"}}};
  EXPECT_THAT(error(), HasSubstr("holds no stage that could be compared"));
}

TEST_F(Verify, DumpsOfAnotherModelAreRefused) {
  const at::Tensor ids = tensors_.at("greedy_ids");
  for (const int64_t id : {int64_t{1'000'000}, int64_t{-1}}) {
    tensors_["greedy_ids"] = at::full(ids.sizes(), id, at::kLong);
    EXPECT_THAT(error(), AllOf(HasSubstr("is of another model: greedy_ids holds " + std::to_string(id)),
                               HasSubstr("the config's model has")));
  }
  tensors_["greedy_ids"] = ids.narrow(1, 0, 1).clone();
  EXPECT_THAT(error(), HasSubstr("don't belong to 1 prompts"));
  tensors_["greedy_ids"] = ids;
  tensors_["greedy_step_logits"] = tensors_.at("greedy_step_logits").narrow(1, 0, 0).clone();
  EXPECT_THAT(error(), AllOf(HasSubstr("dump"), HasSubstr("greedy_step_logits"), HasSubstr("has no step")));
}

TEST_F(Verify, MalformedDumpsAreRefused) {
  const json right = side_;
  const auto with = [&](const char* key, const json& value) {
    side_ = right;
    side_[key] = value;
    const std::string message = error();
    EXPECT_THAT(message, AllOf(HasSubstr("dump.json: "), HasSubstr("docs/verify.md"))) << key << value;
    return message;
  };
  for (const json& prompts : {json(), json("x"), json::array(), json({1})})
    EXPECT_THAT(with("prompts", prompts), HasSubstr("must be a list of texts"));
  for (const json& images : {json("x"), json::array(), json({"a", "b"})})
    EXPECT_THAT(with("images", images), HasSubstr("`images` must have one entry for each prompt"));
  EXPECT_THAT(with("images", json::parse(R"(["a.png\u0000.jpg"])")),
              HasSubstr("`images` must hold paths, found 'a.png\\x00.jpg'"));
  EXPECT_THAT(with("more", json::parse(std::string(20, '[') + std::string(20, ']'))),
              HasSubstr("nested too deeply"));
  EXPECT_THAT(with("images", {1}), HasSubstr("`images` must hold paths"));
  for (const json& most : {json(0), json("x"), json(1.5)})
    EXPECT_THAT(with("max_new_tokens", most), HasSubstr("`max_new_tokens` must be at least 1"));
  side_ = json::array();
  EXPECT_THAT(error(), HasSubstr("expected an object"));
  write_file(folder_ / "dump.json", "{");
  EXPECT_THAT(error_of([&] { verify(*session_, folder_ / "dump"); }), HasSubstr("dump.json: not JSON"));
  EXPECT_THAT(error_of([&] { verify(*session_, folder_ / "none"); }), HasSubstr("none.json"));
}

}  // namespace
}  // namespace flam
