// Media between the tokens (adapter `prefix`): cached steps equal the uncached forward, and the rows of a
// batch equal the same rows run alone.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "framework/session/session_parts.h"

namespace flam {
namespace {

std::shared_ptr<Session> open_with(const std::string& adapter) {
  RunOptions options;
  options.weights = "random";
  options.overrides = {"model.adapter=" + adapter};
  return Session::open("flamingo_mini_caption", options);
}

Prompt prompt_of(const std::string& text, const std::vector<int64_t>& pictures) {
  Prompt prompt{template_text(text), {}};
  for (const int64_t seed : pictures) {
    PictureSource source;
    const at::Tensor values = at::arange(80 * 80 * 3, at::kLong) * (2 * seed + 1) % 251;
    source.picture = Picture{values.view({80, 80, 3}).to(at::kByte)};
    prompt.media.push_back({Part::Kind::image, "", {source}});
  }
  return prompt;
}

/// Pictures at the start, in the middle, at the end, one after the other, and none.
std::vector<Prompt> unequal_prompts() {
  return {prompt_of("<image>Output:", {1}), prompt_of("a<image>b c d<image><image>", {2, 3, 4}),
          prompt_of("none at all", {}),
          prompt_of("<image>Output:a red circle<|endofchunk|><image>Output:", {1, 5})};
}

Prepared encoded(const Session& session, const std::vector<Prompt>& prompts) {
  Prepared prepared = session.parts().prepare(prompts);
  session.parts().encode_media(prepared);
  return prepared;
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item().toDouble();
}

class MediaAmongTokens : public testing::TestWithParam<const char*> {
 protected:
  const c10::InferenceMode inference_;
  std::shared_ptr<Session> session_ = open_with(GetParam());
};

TEST_P(MediaAmongTokens, CachedAndUncachedLogitsAreEqual) {
  const Prepared prepared = encoded(*session_, unequal_prompts());
  const Model& model = session_->model();
  const auto steps = model.start(prepared.batch, 1, 8);
  std::vector<at::Tensor> cached = {steps->prefill()};
  Batch longer = prepared.batch;
  for (const int64_t id : {300, 301, 7}) {
    const at::Tensor ids = at::full({4}, id, at::kLong);
    longer.ids = at::cat({longer.ids, ids.unsqueeze(1)}, 1);
    longer.attention_mask = at::cat({longer.attention_mask, at::full({4, 1}, true, at::kBool)}, 1);
    cached.push_back(steps->step(ids));
  }
  const Sequence sequence = model.forward(longer);
  EXPECT_GT(sequence.hidden.size(1), longer.ids.size(1));
  const at::Tensor uncached = model.logits(sequence.hidden);
  const auto count = static_cast<int64_t>(cached.size());
  for (int64_t i = 0; i < count; ++i) {
    EXPECT_LT(distance(cached[i], uncached.select(1, uncached.size(1) - count + i)), 1e-4)
        << "after " << i << " tokens";
  }
}

TEST_P(MediaAmongTokens, RowsOfABatchEqualThemselvesAlone) {
  const std::vector<Prompt> prompts = unequal_prompts();
  GenerationParams params;
  params.max_new_tokens = 6;
  for (const int64_t beams : {1, 3}) {
    params.num_beams = beams;
    const auto together = session_->parts().generate(encoded(*session_, prompts), params);
    for (size_t row = 0; row < prompts.size(); ++row) {
      const auto alone = session_->parts().generate(encoded(*session_, {prompts[row]}), params);
      EXPECT_EQ(together[row].hypotheses.front().ids, alone.front().hypotheses.front().ids)
          << row << ", beams " << beams;
      EXPECT_NEAR(together[row].hypotheses.front().logprob, alone.front().hypotheses.front().logprob, 1e-4)
          << row;
    }
  }
}

TEST_P(MediaAmongTokens, PicturesMatter) {
  const auto logits = [&](int64_t seed) {
    return session_->model()
        .start(encoded(*session_, {prompt_of("<image>Output:", {seed})}).batch, 1, 1)
        ->prefill();
  };
  EXPECT_GT(distance(logits(1), logits(9)), 1e-3);
}

TEST_P(MediaAmongTokens, WithoutPicturesEqualsTheDecoderAlone) {
  const Prepared prepared = encoded(*session_, {prompt_of("none at all", {})});
  const Sequence sequence = session_->model().forward(prepared.batch);
  EXPECT_EQ(sequence.hidden.size(1), prepared.batch.ids.size(1));
  EXPECT_FALSE(sequence.token_positions.defined());
}

INSTANTIATE_TEST_SUITE_P(Prefix, MediaAmongTokens,
                         testing::Values("{type: prefix}",
                                         "{type: prefix, projection: linear, keep_image_token: true}",
                                         "{type: prefix, media_attention: bidirectional}"));

// The row of each beam continues the prompt that all beams share.
TEST(BeamsOfASequence, ShareIt) {
  const c10::InferenceMode inference;
  const auto session = open_with("{type: prefix}");
  const Prepared prepared = encoded(*session, unequal_prompts());
  const auto one = session->model().start(prepared.batch, 1, 4),
             three = session->model().start(prepared.batch, 3, 4);
  EXPECT_LT(distance(one->prefill(), three->prefill()), 1e-5);
  const at::Tensor ids = at::full({4}, 300, at::kLong);
  EXPECT_LT(distance(one->step(ids).repeat_interleave(3, 0), three->step(ids.repeat_interleave(3, 0))), 1e-4);
}

}  // namespace
}  // namespace flam
