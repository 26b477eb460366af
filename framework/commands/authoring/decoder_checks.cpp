// Checks for language decoders: running ranges of layers, and running from the cache.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>

#include "framework/base/text.h"
#include "framework/commands/authoring/checks.h"
#include "framework/model/forward.h"

namespace flam {

namespace {

constexpr int64_t kTokens = 6;
constexpr double kTolerance = 1e-4;

struct Runner {
  const LanguageDecoder& decoder;

  at::Tensor run(const at::Tensor& ids, const DecodeStep& step) const {
    return decoder.run(0, decoder.num_layers(), decoder.embed(ids), step);
  }
  at::Tensor whole(const at::Tensor& ids, KVCache* cache = nullptr) const {
    DecodeStep step = whole_prompt(ids.size(0), ids.size(1), ids.device());
    step.cache = cache;
    return run(ids, step);
  }
};

}  // namespace

Finding check_layer_ranges(const Specimen& specimen) {
  Finding finding;
  const auto subject = specimen.subject(finding);
  if (!subject) return finding;
  const LanguageDecoder& decoder = *subject->decoder();
  const c10::InferenceMode inference;
  const at::Tensor ids = subject->input(2, 1)[0];
  const DecodeStep step = whole_prompt(2, kTokens, at::kCPU);
  at::Tensor hidden = decoder.embed(ids);
  for (int64_t layer = 0; layer < decoder.num_layers(); ++layer)
    hidden = decoder.run(layer, layer + 1, hidden, step);
  require_close(hidden, Runner{decoder}.whole(ids), kTolerance,
                "running the layers one by one gives another result, which differs");
  return {cat(decoder.num_layers(), " layers give the same result one by one and together")};
}

Finding check_cache(const Specimen& specimen) {
  Finding finding;
  const auto subject = specimen.subject(finding);
  if (!subject) return finding;
  const LanguageDecoder& decoder = *subject->decoder();
  const c10::InferenceMode inference;
  constexpr int64_t kPrompt = kTokens - 2;
  const Runner runner{decoder};
  const at::Tensor ids = subject->input(2, 1)[0], all = runner.whole(ids);
  KVCache cache(decoder.cache_layout(), 2, kPrompt, 1, 2, at::kFloat);
  const at::Tensor kept = cache.prompts();
  kept.fill_(std::nan(""));
  const at::Tensor prompt = runner.whole(ids.narrow(1, 0, kPrompt), &cache);
  for (int64_t layer = 0; layer < kept.size(0); ++layer) {
    if (kept[layer].isnan().any().item<bool>())
      throw Error(cat("layer ", layer,
                      " does not store its keys and values: run() must call "
                      "KVCache::append() for each of the ",
                      kept.size(0), " layers of cache_layout() if DecodeStep::cache is set"));
  }
  require_close(prompt, all.narrow(1, 0, kPrompt), kTolerance,
                "a prompt that fills a cache gives another result, which differs");
  cache.begin_tail(at::ones({2, kPrompt}, at::kBool));
  for (int64_t i = kPrompt; i < kTokens; ++i) {
    const DecodeStep step{at::full({2, 1}, i, at::kLong), {}, &cache, nullptr};
    const at::Tensor hidden = runner.run(ids.narrow(1, i, 1), step);
    cache.advance();
    require_close(hidden.select(1, 0), all.select(1, i), kTolerance,
                  cat("token ", i, " differs between a step from the cache and the whole sequence"));
  }
  KVCache rest(decoder.cache_layout(), 2, kTokens, 1, 0, at::kFloat);
  rest.continue_prompt(cache.prompts(),
                       causal_mask(at::ones({2, kTokens}, at::kBool)).allowed.narrow(2, kPrompt, 2));
  const at::Tensor positions = at::arange(kPrompt, kTokens, at::kLong).expand({2, 2});
  const at::Tensor hidden = runner.run(ids.narrow(1, kPrompt, 2), {positions, {}, &rest, nullptr});
  require_close(
      hidden, all.narrow(1, kPrompt, 2), kTolerance,
      "the rest of a prompt whose beginning is in the cache gives another result than the whole, which "
      "differs");
  return {"steps from the cache give the same result as the whole sequence"};
}

// Two prompts of different length, as a batch has them: the shorter one begins with padding.
Finding check_padding(const Specimen& specimen) {
  Finding finding;
  const auto subject = specimen.subject(finding);
  if (!subject) return finding;
  const LanguageDecoder& decoder = *subject->decoder();
  const c10::InferenceMode inference;
  constexpr int64_t kPadding = 2, kPrompt = kTokens - 2;
  const Runner runner{decoder};
  const at::Tensor ids = subject->input(2, 1)[0];
  const at::Tensor longer = runner.whole(ids.narrow(0, 0, 1)).select(0, 0);
  const at::Tensor shorter =
      runner.whole(ids.narrow(0, 1, 1).narrow(1, kPadding, kTokens - kPadding)).select(0, 0);
  const auto require_same = [&](const at::Tensor& hidden, int64_t first, int64_t count,
                                const std::string& where) {
    const std::string what = cat(
        "padding must not be attended to (DecodeStep::mask), and positions are DecodeStep::positions, not "
        "the places in the tensor: ",
        where, " gives another result beside a longer prompt than alone, which differs");
    require_close(hidden[0], longer.narrow(0, first, count), kTolerance, what);
    const int64_t padding = std::max<int64_t>(kPadding - first, 0);
    require_close(hidden[1].narrow(0, padding, count - padding),
                  shorter.narrow(0, first + padding - kPadding, count - padding), kTolerance, what);
  };
  at::Tensor real = at::ones({2, kTokens}, at::kBool);
  real[1].narrow(0, 0, kPadding).fill_(false);
  require_same(runner.run(ids, {positions_of(real), causal_mask(real), nullptr, nullptr}), 0, kTokens,
               "a prompt");

  KVCache cache(decoder.cache_layout(), 2, kPrompt, 1, kTokens - kPrompt, at::kFloat);
  const at::Tensor prompt = real.narrow(1, 0, kPrompt);
  require_same(
      runner.run(ids.narrow(1, 0, kPrompt), {positions_of(prompt), causal_mask(prompt), &cache, nullptr}), 0,
      kPrompt, "a prompt that fills a cache");
  cache.begin_tail(prompt);
  for (int64_t i = kPrompt; i < kTokens; ++i) {
    const at::Tensor position = positions_of(real).narrow(1, i, 1);
    const at::Tensor hidden = runner.run(ids.narrow(1, i, 1), {position, {}, &cache, nullptr});
    cache.advance();
    require_same(hidden, i, 1, "a step from the cache");
  }
  return {"a prompt gives the same result alone and behind padding"};
}

Finding check_mask(const Specimen& specimen) {
  Finding finding;
  const auto subject = specimen.subject(finding);
  if (!subject) return finding;
  const c10::InferenceMode inference;
  const Runner runner{*subject->decoder()};
  const at::Tensor ids = subject->input(1, 1)[0];
  DecodeStep step = whole_prompt(1, kTokens, at::kCPU);
  step.mask = at::ones({1, 1, kTokens, kTokens}, at::kBool);
  const at::Tensor causal = runner.whole(ids), all = runner.run(ids, step);
  if (all.select(1, 0).equal(causal.select(1, 0))) {
    throw Error(
        "gives the same result for the first token whether or not it may attend to the later ones, so it "
        "ignores DecodeStep::mask; the media of a prompt may see each other in both directions");
  }
  return {"the mask decides what a token attends to"};
}

}  // namespace flam
