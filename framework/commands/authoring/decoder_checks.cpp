// Checks for language decoders: running ranges of layers, and running from the cache.
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <c10/core/InferenceMode.h>

#include "framework/base/text.h"
#include "framework/commands/authoring/checks.h"

namespace flam {

namespace {

constexpr int64_t kTokens = 6;
constexpr double kTolerance = 1e-4;

struct Runner {
  const LanguageDecoder& decoder;

  at::Tensor whole(const at::Tensor& ids, KVCache* cache = nullptr) const {
    DecodeStep step = whole_prompt(ids.size(0), ids.size(1), ids.device());
    step.cache = cache;
    return decoder.run(0, decoder.num_layers(), decoder.embed(ids), step);
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
  const at::Tensor prompt = runner.whole(ids.narrow(1, 0, kPrompt), &cache);
  require_close(prompt, all.narrow(1, 0, kPrompt), kTolerance,
                "a prompt that fills a cache gives another result, which differs");
  cache.begin_tail(at::ones({2, kPrompt}, at::kBool));
  for (int64_t i = kPrompt; i < kTokens; ++i) {
    const DecodeStep step{at::full({2, 1}, i, at::kLong), {}, &cache, nullptr};
    const at::Tensor hidden = decoder.run(0, decoder.num_layers(), decoder.embed(ids.narrow(1, i, 1)), step);
    cache.advance();
    require_close(hidden.select(1, 0), all.select(1, i), kTolerance,
                  cat("token ", i, " differs between a step from the cache and the whole sequence"));
  }
  return {"steps from the cache give the same result as the whole sequence"};
}

}  // namespace flam
