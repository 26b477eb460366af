// The embedded model with padding rows after its vocabulary, which published files often have.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "framework/session/session.h"
#include "framework/weights/checkpoint.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

constexpr int64_t kTokens = 515, kRows = 576;
const std::string kScene = std::string(FLAM_SOURCE_DIR) + "/docs/images/scene.png";

/// The embedded model's file with `head` as the padding rows of the output matrix.
std::filesystem::path padded_file(const test::Scratch& scratch, const at::Tensor& head) {
  const auto file = open_checkpoint(FLAM_SOURCE_DIR "/configs/flamingo_mini/flamingo_mini.safetensors");
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const std::string& name : file->names()) {
    at::Tensor value = file->tensor(name);
    if (name == "language_decoder.model.embed_tokens.weight")
      value = at::cat({value, at::zeros({kRows - kTokens, value.size(1)})});
    if (name == "language_decoder.lm_head.weight") value = at::cat({value, head});
    tensors.emplace_back(name, value);
  }
  write_safetensors(scratch / "padded.safetensors", tensors);
  return scratch / "padded.safetensors";
}

std::shared_ptr<Session> open(const std::string& config, const std::string& weights,
                              std::vector<std::string> overrides = {}) {
  RunOptions options;
  options.weights = weights;
  options.overrides = std::move(overrides);
  return Session::open(config, options);
}

Outcome caption(const std::string& weights, std::vector<std::string> overrides = {}) {
  return open("flamingo_mini_caption", weights, std::move(overrides))->answer(picture_request(kScene));
}

class Padded : public testing::Test {
 protected:
  /// Logits of the padding are `factor` times those of the caption's first token.
  std::string padded(float factor) {
    const auto file = open_checkpoint(FLAM_SOURCE_DIR "/configs/flamingo_mini/flamingo_mini.safetensors");
    const at::Tensor matrix = file->tensor("language_decoder.lm_head.weight");
    const at::Tensor row = matrix[plain_.ids.front()] * factor;
    return padded_file(scratch_, row.expand({kRows - kTokens, -1})).string();
  }

  test::Scratch scratch_;
  const Hypothesis plain_ = caption("").result.hypotheses.front();
};

TEST_F(Padded, IsNeverGenerated) {
  const std::string weights = padded(2);
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{"generation.num_beams=3"}, {"generation.do_sample=true"}, {}}) {
    const Outcome outcome = caption(weights, options);
    ASSERT_FALSE(outcome.error) << *outcome.error;
    const auto& ids = outcome.result.hypotheses.front().ids;
    for (const int64_t id : ids) EXPECT_LT(id, kTokens);
    if (options.empty()) {
      EXPECT_EQ(ids, plain_.ids);
    }
  }
}

TEST_F(Padded, CountsInTheLogProbabilities) {
  const Hypothesis padded_with_zeros = caption(padded(0)).result.hypotheses.front();
  EXPECT_EQ(padded_with_zeros.ids, plain_.ids);
  EXPECT_LT(padded_with_zeros.token_logprobs[0], plain_.token_logprobs[0]);
  // 61 rows equal to that of the first token take 61/62 of its probability, and some from the other tokens.
  EXPECT_NEAR(caption(padded(1)).result.hypotheses.front().token_logprobs[0],
              -std::log(std::exp(-plain_.token_logprobs[0]) + kRows - kTokens), 1e-4);
}

TEST_F(Padded, CountsInTheScoresOfCandidates) {
  Request request = picture_request(kScene, "what colour is the star?");
  request.candidates = {"red", "purple"};
  const auto plain = open("flamingo_mini_ranking", "")->answer(request).result.candidates;
  const auto with_padding = open("flamingo_mini_ranking", padded(0))->answer(request).result.candidates;
  ASSERT_EQ(with_padding.size(), 2u);
  for (size_t i = 0; i < 2; ++i) EXPECT_LT(with_padding[i].logprob, plain[i].logprob);
}

TEST_F(Padded, MayBeChosenIfTheConfigAllowsIt) {
  const Outcome outcome = caption(padded(2), {"generation.suppress_padded_vocab=false"});
  ASSERT_FALSE(outcome.error) << *outcome.error;
  EXPECT_GE(outcome.result.hypotheses.front().ids.front(), kTokens);
}

}  // namespace
}  // namespace flam
