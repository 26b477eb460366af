// Requests with features of the backbone instead of pictures.
#include <ATen/ops/randint.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/commands/explain/explain.h"
#include "framework/session/session_parts.h"
#include "tests/support/scratch.h"
#include "tests/support/test_device.h"

namespace flam {
namespace {

using test::error_of;
using testing::HasSubstr;

class GivenFeatures : public testing::Test {
 protected:
  static Part part(const std::vector<PictureSource>& pictures) {
    return {pictures.size() == 1 ? Part::Kind::image : Part::Kind::frames, "", pictures};
  }
  static Request request(const std::vector<PictureSource>& pictures) {
    Request out;
    out.id = "the first";
    out.parts = {part(pictures)};
    return out;
  }
  static PictureSource noise(int64_t height = 80) {
    PictureSource source;
    source.picture = Picture{at::randint(256, {height, 96, 3}, at::kByte)};
    return source;
  }
  /// What the backbone gives for it.
  PictureSource features_of(const PictureSource& picture) const {
    const c10::InferenceMode inference;
    const at::Tensor pixels = session_->transforms().apply(*picture.picture);
    PictureSource source;
    source.features = session_->model().encode_images(pixels.unsqueeze(0)).tokens.select(0, 0);
    return source;
  }
  static void expect_same(const Outcome& a, const Outcome& b) {
    ASSERT_FALSE(a.error || b.error) << a.error.value_or("") << b.error.value_or("");
    EXPECT_EQ(a.answer, b.answer);
    ASSERT_EQ(a.result.hypotheses.size(), b.result.hypotheses.size());
    for (size_t i = 0; i < a.result.hypotheses.size(); ++i) {
      EXPECT_EQ(a.result.hypotheses[i].ids, b.result.hypotheses[i].ids);
      EXPECT_EQ(a.result.hypotheses[i].token_logprobs, b.result.hypotheses[i].token_logprobs);
    }
  }
  std::string error_with(const PictureSource& source) const {
    return session_->answer(std::vector<Request>{request({source})}).front().error.value_or("");
  }

  static std::shared_ptr<Session> open() {
    RunOptions options = test::on_device();
    options.overrides = {"generation.max_new_tokens=8"};
    options.threads = 1;
    return Session::open("flamingo_mini_caption", options);
  }

  std::shared_ptr<Session> session_ = open();
};

TEST_F(GivenFeatures, AnswerAsTheirPicturesDoAndSkipTheBackbone) {
  const PictureSource picture = noise();
  StageTimes times;
  CallOptions options;
  options.times = &times;
  const Outcome given = session_->answer(request({features_of(picture)}), options);
  for (const auto& entry : times.entries())
    EXPECT_TRUE(entry.stage != "vision" && entry.stage != "decode" && entry.stage != "transform");
  expect_same(given, session_->answer(request({picture})));
}

TEST_F(GivenFeatures, StandBesidePicturesInABatchAndInAVideo) {
  const PictureSource a = noise(), b = noise(60);
  const std::vector<Request> given = {request({features_of(a)}), request({b}), request({features_of(a), b})};
  const std::vector<Request> pictures = {request({a}), request({b}), request({a, b})};
  const auto outcomes = session_->answer(given), expected = session_->answer(pictures);
  for (size_t i = 0; i < given.size(); ++i) expect_same(outcomes[i], expected[i]);
}

TEST_F(GivenFeatures, AreConvertedToTheTypeOfTheRunAndCountOnce) {
  const PictureSource given = features_of(noise());
  PictureSource wide = given, copy = given;
  wide.features = given.features.to(at::kDouble);
  copy.features = given.features.clone();
  expect_same(session_->answer(request({wide})), session_->answer(request({given})));
  std::vector<Prompt> prompts;
  for (const PictureSource& source : {given, copy})
    prompts.push_back(prompt_of(session_->task(request({source}))));
  const Prepared prepared = session_->parts().prepare(prompts);
  EXPECT_EQ(prepared.features.size(0), 1);  // the same values, wherever they are
  EXPECT_EQ(row_seeds(prepared)[0], row_seeds(prepared)[1]);
}

TEST_F(GivenFeatures, OfAnotherShapeAreRefusedByName) {
  PictureSource source = features_of(noise());
  source.features = source.features.narrow(0, 0, 49);
  EXPECT_EQ(error_with(source),
            "the first: the features of a picture are Float [49, 128], but the backbone gives floating-point "
            "features [64, 128] (tokens, width); take them from the same backbone");
  source.features = at::randint(256, {64, 128}, at::kByte);
  EXPECT_THAT(error_with(source), HasSubstr("are Byte [64, 128], but"));
}

TEST_F(GivenFeatures, TogetherWithAPictureOrNothingAtAllAreRefused) {
  PictureSource both = noise();
  both.features = features_of(both).features;
  EXPECT_EQ(error_with(both),
            "the first: a picture of the request is given both as a picture and as features; give one");
  EXPECT_THAT(error_with(PictureSource{}), HasSubstr("has neither a path, bytes, pixels nor features"));
}

TEST_F(GivenFeatures, HaveNoPixels) {
  const std::string expected = "the pixels of a picture are needed here, but only its features are given";
  const Request asked = request({features_of(noise())});
  const Prompt prompt = prompt_of(session_->task(asked));
  EXPECT_EQ(error_of([&] {
              session_->parts().prepare({&prompt, 1}, nullptr, /*with_pixels=*/true);
            }),
            expected);
  EXPECT_EQ(error_of([&] { explain(*session_, asked, prompt, session_->answer(asked)); }), expected);
}

}  // namespace
}  // namespace flam
