// The assembled model: cached steps equal the uncached forward, and pictures matter.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "framework/session/session_parts.h"

namespace flam {
namespace {

std::shared_ptr<Session> open_mini(std::vector<std::string> overrides = {}) {
  RunOptions options;
  options.weights = "random";
  options.overrides = std::move(overrides);
  return Session::open("flamingo_mini_caption", options);
}

at::Tensor picture(int64_t value) {
  return at::full({90, 120, 3}, value, at::kByte);
}

Prompt prompt_of(const std::string& text, int pictures) {
  Prompt prompt{template_text(text), {}};
  for (int64_t i = 0; i < pictures; ++i) {
    PictureSource source;
    source.picture = Picture{picture(40 * (i + 1))};
    prompt.media.push_back({Part::Kind::image, "", {source}});
  }
  return prompt;
}

// text_sees last, cached_tokens_see last: a generated token sees the same pictures as in the prompt.
TEST(Model, CachedAndUncachedLogitsAreEqual) {
  const c10::InferenceMode inference;
  const auto session = open_mini();
  const std::vector<Prompt> prompts = {prompt_of("<image>Output:a red circle<|endofchunk|><image>Output:", 2),
                                       prompt_of("<image>Output:", 1)};
  Prepared prepared = session->parts().prepare(prompts);
  session->parts().encode_media(prepared);
  const auto steps = session->model().start(prepared.batch, 1, 8);
  std::vector<at::Tensor> cached = {steps->prefill()};
  Batch longer = prepared.batch;
  for (const int64_t id : {300, 301, 7}) {
    const at::Tensor ids = at::full({2}, id, at::kLong);
    longer.ids = at::cat({longer.ids, ids.unsqueeze(1)}, 1);
    longer.attention_mask = at::cat({longer.attention_mask, at::full({2, 1}, true, at::kBool)}, 1);
    cached.push_back(steps->step(ids));
  }
  const at::Tensor uncached = session->model().logits(session->model().forward(longer).hidden);
  const int64_t first = prepared.batch.ids.size(1) - 1;
  for (size_t i = 0; i < cached.size(); ++i) {
    const at::Tensor expected = uncached.select(1, first + static_cast<int64_t>(i));
    EXPECT_LT((cached[i] - expected).abs().max().item().toDouble(), 1e-4) << "after " << i << " tokens";
  }
}

TEST(Model, PicturesMatter) {
  const c10::InferenceMode inference;
  const auto session = open_mini();
  const auto logits = [&](int64_t value) {
    Prompt prompt = prompt_of("<image>Output:", 1);
    prompt.media[0].pictures[0].picture = Picture{picture(value)};
    Prepared prepared = session->parts().prepare(std::vector<Prompt>{prompt});
    session->parts().encode_media(prepared);
    return session->model().start(prepared.batch, 1, 1)->prefill();
  };
  EXPECT_GT((logits(10) - logits(200)).abs().max().item().toDouble(), 1e-3);
}

TEST(Model, MarkersAndPicturesMustMatch) {
  const auto session = open_mini();
  EXPECT_THROW(session->parts().prepare(std::vector<Prompt>{prompt_of("<image><image>Output:", 1)}), Error);
}

}  // namespace
}  // namespace flam
