// The attention of the words of an answer, and the influence of the picture on its probability.
#include "framework/commands/explain/explain.h"

#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "framework/base/text.h"
#include "framework/weights/checkpoint.h"
#include "tests/integration/golden_config.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

Explanation explained_answer(const Session& session, const Request& request, const Outcome& outcome) {
  return explain(session, request, prompt_of(session, request), outcome);
}

const std::string kScene = FLAM_SOURCE_DIR "/docs/images/scene.png";

class ExplainMini : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    session_ = Session::open("flamingo_mini_caption");
    outcome_ = session_->answer(picture_request(kScene));
  }
  static void TearDownTestSuite() { session_.reset(); }

  static std::shared_ptr<Session> session_;
  static Outcome outcome_;
  test::Scratch scratch_;
};
std::shared_ptr<Session> ExplainMini::session_;
Outcome ExplainMini::outcome_;

TEST_F(ExplainMini, WordsAddUpToTheAnswerAndItsProbability) {
  const Explanation explained = explained_answer(*session_, picture_request(kScene), outcome_);
  std::string said;
  double logprob = 0;
  for (const SeenWord& word : explained.words) {
    said += word.text;
    logprob += word.logprob;
  }
  EXPECT_EQ(said, explained.answer);
  EXPECT_EQ(explained.answer, outcome_.answer.front().second);
  EXPECT_NEAR(logprob, explained.logprob, 1e-6);
  // Generation with a cache gives the same probability.
  EXPECT_NEAR(explained.logprob, outcome_.result.hypotheses.front().logprob, 1e-3);
}

TEST_F(ExplainMini, TheAttentionOfEachWordAddsUpToOne) {
  const Explanation explained = explained_answer(*session_, picture_request(kScene), outcome_);
  ASSERT_EQ(explained.pictures.size(), 1U);
  EXPECT_EQ(explained.pictures[0].picture.width(), 80);
  EXPECT_TRUE(explained.why_no_looks.empty()) << explained.why_no_looks;
  for (const SeenWord& word : explained.words) {
    ASSERT_EQ(word.looks.sizes(), at::IntArrayRef({1, 8, 8}));
    EXPECT_GE(word.looks.min().item().toDouble(), 0);
    EXPECT_NEAR(word.looks.sum().item().toDouble(), 1.0, 1e-3) << word.text;
  }
}

TEST_F(ExplainMini, TheAnswerIsUnlikelyWithoutThePicture) {
  const Explanation explained = explained_answer(*session_, picture_request(kScene), outcome_);
  ASSERT_EQ(explained.left_out.size(), 1U);
  EXPECT_EQ(explained.left_out[0].what, "without the last picture");
  EXPECT_LT(explained.left_out[0].logprob, explained.logprob - 5);
}

TEST_F(ExplainMini, ARecordingHasTheAttention) {
  const auto& ids = outcome_.result.hypotheses.front().ids;
  const Recording recording = record_answer(*session_, prompt_of(*session_, picture_request(kScene)), ids);
  const auto length = static_cast<int64_t>(recording.ids.size());
  EXPECT_EQ(length, recording.prompt_tokens + static_cast<int64_t>(ids.size()));
  ASSERT_EQ(recording.adapter_attention.size(), 4U);
  EXPECT_EQ(recording.adapter_attention.at(0).sizes(), at::IntArrayRef({4, length, 32}));
  ASSERT_EQ(recording.resampler_attention.size(), 2U);
  EXPECT_EQ(recording.resampler_attention.at(1).sizes(), at::IntArrayRef({1, 4, 32, 64 + 32}));

  const auto file = scratch_.path() / "attention.safetensors";
  write_recording(file, recording, *session_);
  const auto stored = open_checkpoint(file);
  EXPECT_TRUE(stored->tensor("adapter_attention_layer3").equal(recording.adapter_attention.at(3)));
  EXPECT_EQ(stored->metadata().at("grid"), "8x8");
  EXPECT_EQ(stored->metadata().at("config"), "flamingo_mini_caption");
}

TEST_F(ExplainMini, ThePageIsSelfContained) {
  Explanation explained = explained_answer(*session_, picture_request(kScene), outcome_);
  explained.pictures[0].name = "<script>alert(1)</script>";
  const std::string page = explanation_page(explained, "a \"title\" & more");
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>"));
  EXPECT_TRUE(page.ends_with("</html>\n"));
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("http"), std::string::npos);
  EXPECT_NE(page.find("a &quot;title&quot; &amp; more"), std::string::npos);
  EXPECT_NE(page.find("data:image/png;base64,iVBOR"), std::string::npos);
  EXPECT_NE(page.find("without the last picture"), std::string::npos);
  // The first word is chosen, every word has a place, and a picture is stored once.
  EXPECT_NE(page.find("id=\"w0\" checked>"), std::string::npos);
  for (size_t w = 0; w < explained.words.size(); ++w) {
    EXPECT_NE(page.find(cat("id=\"of-w", w, "\"")), std::string::npos);
    EXPECT_NE(page.find(cat("#w", w, ":checked ~ #of-w", w, " {")), std::string::npos);
  }
  EXPECT_EQ(page.find("data:image", page.find("data:image") + 1), std::string::npos);
}

TEST(Explain, LeavesOutEachShotAndDrawsEveryPicture) {
  const test::Scratch scratch;
  const auto folder = test::golden_root() / "v1_tiny";
  const auto session =
      Session::open(test::write_golden_config(scratch.path(), folder, "caption_2shot").string());
  std::vector<std::string> images;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "images"))
    images.push_back(entry.path().string());
  ASSERT_GE(images.size(), 3U);
  Request request;
  for (size_t i = 0; i < 3; ++i) {
    request.parts.push_back({Part::Kind::image, "", {PictureSource{images[i], nullptr, {}}}});
    if (i < 2) request.parts.push_back({Part::Kind::text, "a thing", {}});
  }
  const Explanation explained = explained_answer(*session, request, session->answer(request));
  EXPECT_EQ(explained.pictures.size(), 3U);
  std::vector<std::string> what;
  for (const WithoutPart& left : explained.left_out) what.push_back(left.what);
  EXPECT_EQ(what, (std::vector<std::string>{"without shot 1", "without shot 2", "without the last picture",
                                            "without any picture"}));
}

TEST(Explain, AnOutcomeWithoutAnswerIsAnError) {
  const auto session = Session::open("flamingo_mini_caption");
  Outcome failed;
  failed.error = "no such picture";
  EXPECT_THROW(explained_answer(*session, picture_request(kScene), failed), Error);
  EXPECT_THROW(explained_answer(*session, picture_request(kScene), Outcome{}), Error);
}

}  // namespace
}  // namespace flam
