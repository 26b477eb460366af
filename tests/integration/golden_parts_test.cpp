// The components of LLaVA-1.5, SmolVLM and Idefics3 against Hugging Face's, each with the reference's own
// input: every case of FLAM_GOLDEN_DIR/llava_tiny and smolvlm_tiny. Sizes are read from each model's
// config.json.
#include <ATen/core/grad_mode.h>

#include "tests/integration/golden_parts.h"

namespace flam {
namespace {

TEST(GoldenParts, TowersGiveTheReferencesTokens) {
  const at::NoGradGuard no_grad;
  for (const Family& family : families()) {
    const Built<VisionBackbone> vision = tower(family);
    int compared = 0;
    for (const Case& one : cases_with(family, "vision_out")) {
      at::Tensor pixels = one.tensor("pixel_values");
      if (pixels.dim() == 5) {  // [B,tiles,3,S,S]; tiles of zeros are padding
        pixels = pixels.flatten(0, 1);
        pixels = at::index(pixels, {pixels.ne(0).flatten(1).any(1)});
      }
      if (one.has("patch_attention_mask")) continue;
      one.compare("vision_out", vision->encode(pixels).tokens);
      ++compared;
    }
    EXPECT_GT(compared, 0) << family.cases << " " << family.prefix;
  }
}

TEST(GoldenParts, PaddedPicturesGiveTheReferencesTokens) {
  const at::NoGradGuard no_grad;
  const Family family = families()[1];
  const Built<VisionBackbone> vision = tower(family);
  const Case one(family.cases / "vision_only.safetensors");
  VisionInput input(one.tensor("pixel_values"));
  input.patch_mask = one.tensor("patch_attention_mask").to(at::kBool);
  one.compare("vision_out", vision->encode(input).tokens, input.patch_mask.flatten(1));
}

TEST(GoldenParts, ConnectorsGiveTheReferencesMediaTokens) {
  const at::NoGradGuard no_grad;
  for (const Family& family : families()) {
    const FeatureShape shape = tower(family)->shape();
    const Built<Resampler> resampler = connector(family, shape);
    int compared = 0;
    for (const Case& one : cases_with(family, "vision_out")) {
      if (!one.has("perceiver_out")) continue;
      const at::Tensor tokens = one.tensor("vision_out").unsqueeze(1).unsqueeze(1);
      one.compare("perceiver_out",
                  resampler->forward({tokens, shape.grid_h, shape.grid_w, shape.prefix_tokens}).squeeze(1));
      ++compared;
    }
    EXPECT_GT(compared, 0) << family.cases << " " << family.prefix;
  }
}

/// Compares the whole prompt and then the cached steps after it.
void check_decoder(const LanguageDecoder& llama, const Case& one, int64_t image_token,
                   const std::vector<int64_t>& ends) {
  const at::Tensor mask = one.tensor("attention_mask").to(at::kBool), embed = one.tensor("embed");
  const at::Tensor ids = one.tensor("input_ids");
  const int64_t rows = mask.size(0), length = mask.size(1);
  one.expect_near("embed", llama.embed(ids), embed, mask & ids.ne(image_token));

  const at::Tensor new_ids = one.tensor("greedy_ids"),
                   positions = (mask.to(at::kLong).cumsum(-1) - 1).clamp_min(0);
  KVCache cache(llama.cache_layout(), rows, length, 1, new_ids.size(1), at::kFloat);
  const at::Tensor causal = at::ones({length, length}, at::kBool).tril() & mask.view({rows, 1, 1, length});
  at::Tensor hidden = embed;
  for (int64_t layer = 0; layer < llama.num_layers(); ++layer) {
    hidden = llama.run(layer, layer + 1, hidden, {positions, causal, &cache, nullptr});
    one.compare(cat("hidden_layer", layer), hidden, mask);
  }
  const at::Tensor logits = llama.head(hidden, nullptr);
  one.compare("logits", logits, mask);
  if (one.has("logits_last8"))
    one.compare("logits_last8", logits.narrow(1, length - 8, 8), mask.narrow(1, length - 8, 8));
  EXPECT_TRUE(logits.select(1, length - 1).argmax(-1).equal(new_ids.select(1, 0)));

  if (!one.has("greedy_step_logits")) return;
  cache.begin_tail(mask);
  at::Tensor running = at::ones({rows}, at::kBool);  // rows that have not ended
  std::vector<at::Tensor> steps, compared;
  const at::Tensor expected = one.tensor("greedy_step_logits");
  for (int64_t step = 0; step < expected.size(1); ++step) {
    const at::Tensor id = new_ids.narrow(1, step, 1);
    for (const int64_t end : ends) running = running & id.squeeze(1).ne(end);
    hidden = llama.run(0, llama.num_layers(), llama.embed(id),
                       {mask.to(at::kLong).sum(1, true) + step, {}, &cache, nullptr});
    cache.advance();
    steps.push_back(llama.head(hidden, nullptr));
    compared.push_back(running.unsqueeze(1));
  }
  one.expect_near("greedy_step_logits", at::cat(steps, 1), expected, at::cat(compared, 1));
}

TEST(GoldenParts, DecodersGiveTheReferencesLayersAndLogits) {
  const at::NoGradGuard no_grad;
  for (const Family& family : families()) {
    const Built<LanguageDecoder> llama = decoder(family);
    const auto file = family.model / "generation_config.json";
    const Value generation = parse_yaml(read_file(file, 1 << 20), file.string());
    std::vector<int64_t> ends;
    const Value& end = *generation.find("eos_token_id");
    if (end.is_int())
      ends.push_back(end.as_int());
    else
      for (const Value& id : end.as_list()) ends.push_back(id.as_int());
    const Section config(&family.config);
    const int64_t image_token = config.number(family.is_llava ? "image_token_index" : "image_token_id", -1);
    const std::vector<Case> cases = cases_with(family, "embed");
    EXPECT_FALSE(cases.empty()) << family.cases << " " << family.prefix;
    for (const Case& one : cases) check_decoder(*llama, one, image_token, ends);
  }
}

}  // namespace
}  // namespace flam
