// The components of LLaVA-1.5, SmolVLM and Idefics3 against Hugging Face's, each with the reference's own
// input: every case of FLAM_GOLDEN_DIR/llava_tiny and smolvlm_tiny. Sizes are read from each model's
// config.json.
#include <ATen/core/grad_mode.h>

#include <iostream>
#include <set>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/component/language_decoder.h"
#include "framework/component/resampler.h"
#include "framework/component/vision_backbone.h"
#include "tests/support/component.h"

namespace flam {
namespace {

/// A part of a config.json as the text of parameters; keys that it lacks have the default of its class.
class Section {
 public:
  Section(const Value* section) : section_(section) {}
  template <class Default>
  std::string param(const char* name, const char* key, const Default& otherwise) const {
    const Value* value = section_ ? section_->find(key) : nullptr;
    return cat(", ", name, ": ", value ? write_json(*value) : cat(otherwise));
  }
  int64_t number(const char* key, int64_t otherwise) const {
    const Value* value = section_->find(key);
    return value ? value->as_int() : otherwise;
  }

 private:
  const Value* section_;
};

struct Family {
  std::filesystem::path model;  // folder
  std::filesystem::path cases;  // folder
  std::string prefix;           // of its cases' names
  bool is_llava;
  Value config;

  Section section(const char* name) const { return config.find(name); }
  bool tied() const {
    const Value* tied = config.find("tie_word_embeddings");
    return tied && tied->as_bool();
  }
};

std::vector<Family> families() {
  const auto family = [](const char* folder, const char* model, const char* prefix, bool is_llava) {
    const auto root = golden_dir() / folder;
    const auto file = root / model / "config.json";
    return Family{root / model, root, prefix, is_llava, parse_yaml(read_file(file, 1 << 20), file.string())};
  };
  return {family("llava_tiny", "model", "", true), family("smolvlm_tiny", "smolvlm", "smolvlm_", false),
          family("smolvlm_tiny", "idefics3", "idefics3_", false)};
}

Built<VisionBackbone> tower(const Family& family) {
  const Section vision = family.section("vision_config");
  std::string params = vision.param("num_layers", "num_hidden_layers", 12) +
                       vision.param("image_size", "image_size", 224) +
                       vision.param("patch_size", "patch_size", 32) +
                       vision.param("num_heads", "num_attention_heads", family.is_llava ? 12 : 16) +
                       vision.param("hidden_size", "hidden_size", family.is_llava ? 768 : 1152) +
                       vision.param("intermediate_size", "intermediate_size", 3072);
  if (family.is_llava) {
    params = "{type: clip_vit, output_class_token: true" + params +
             vision.param("activation", "hidden_act", "quick_gelu") +
             vision.param("layer_norm_eps", "layer_norm_eps", 1e-5) +
             Section(&family.config).param("feature_layer", "vision_feature_layer", -2);
  } else {
    params = "{type: siglip, position_interpolation: buckets" + params +
             vision.param("layer_norm_eps", "layer_norm_eps", 1e-6);
  }
  Built<VisionBackbone> built(params + "}");
  const char* prefix = family.is_llava ? "vision_tower.vision_model." : "model.vision_model.";
  built.load({{family.model.string(),
               {{prefix, VisionBackbone::kKind, "huggingface"}},
               {"multi_modal_projector.*", "language_model.*", "model.connector.*", "model.text_model.*",
                "lm_head.weight"},
               {}}});
  return built;
}

Built<Resampler> connector(const Family& family, const FeatureShape& features) {
  const int64_t width = family.section("text_config").number("hidden_size", 4096);
  Built<Resampler> built(
      family.is_llava
          ? "{type: mlp}"
          : "{type: pixel_shuffle" + Section(&family.config).param("factor", "scale_factor", 2) + "}",
      {features, width});
  built.load(
      {{family.model.string(),
        {{family.is_llava ? "multi_modal_projector." : "model.connector.", Resampler::kKind, "huggingface"}},
        {"vision_tower.*", "language_model.*", "model.vision_model.*", "model.text_model.*",
         "lm_head.weight"},
        {}}});
  return built;
}

Built<LanguageDecoder> decoder(const Family& family) {
  const Section text = family.section("text_config");
  Built<LanguageDecoder> built(
      "{type: llama" + text.param("vocab_size", "vocab_size", 32000) +
      text.param("hidden_size", "hidden_size", 4096) + text.param("num_layers", "num_hidden_layers", 32) +
      text.param("num_heads", "num_attention_heads", 32) +
      text.param("num_key_value_heads", "num_key_value_heads", "null") +
      text.param("head_dim", "head_dim", "null") +
      text.param("intermediate_size", "intermediate_size", 11008) +
      text.param("rms_norm_eps", "rms_norm_eps", 1e-6) + text.param("rope_theta", "rope_theta", 10000) +
      text.param("rope_scaling", "rope_scaling", "{}") +
      cat(", tie_word_embeddings: ", family.tied() ? "true" : "false") + "}");
  std::vector<LayoutRule> layout;
  for (const char* prefix : {"language_model.", "model.text_model.", ""})
    layout.push_back({prefix, LanguageDecoder::kKind, "huggingface"});
  built.load({{family.model.string(),
               layout,
               {"vision_tower.*", "multi_modal_projector.*", "model.vision_model.*", "model.connector.*"},
               {}}});
  return built;
}

/// The reference's tensors of one case.
class Case {
 public:
  explicit Case(const std::filesystem::path& file)
      : file_(open_checkpoint(file)), name_(file.stem().string()) {
    for (const std::string& name : file_->names()) names_.insert(name);
  }
  bool has(const std::string& name) const { return names_.contains(name); }
  at::Tensor tensor(const std::string& name) const { return file_->tensor(name); }
  /// Compares where `mask` is true; without a mask, everywhere.
  void expect_near(const std::string& name, at::Tensor ours, at::Tensor reference,
                   const at::Tensor& mask = {}) const {
    ASSERT_EQ(ours.sizes(), reference.sizes()) << name_ << " " << name;
    if (mask.defined()) {
      ours = at::index(ours, {mask});
      reference = at::index(reference, {mask});
    }
    if (ours.numel() == 0) return;
    std::cout << name_ << " " << name << ": largest difference "
              << ours.sub(reference).abs().max().item<float>() << ", largest value "
              << reference.abs().max().item<float>() << "\n";
    EXPECT_TRUE(near(ours, reference, kGoldenTolerance)) << name_ << " " << name;
  }
  void compare(const std::string& name, const at::Tensor& ours, const at::Tensor& mask = {}) const {
    if (has(name)) expect_near(name, ours, tensor(name), mask);
  }

 private:
  std::unique_ptr<Checkpoint> file_;
  std::string name_;
  std::set<std::string> names_;
};

std::vector<Case> cases_with(const Family& family, const char* tensor) {
  std::vector<Case> cases;
  for (const auto& entry : std::filesystem::directory_iterator(family.cases)) {
    if (entry.path().extension() != ".safetensors" ||
        !entry.path().filename().string().starts_with(family.prefix))
      continue;
    Case one(entry.path());
    // Without pixel_values, llava_tiny/llava is a case of another model (golden_llava_test.cpp).
    if (one.has(tensor) && (!family.is_llava || one.has("pixel_values"))) cases.push_back(std::move(one));
  }
  return cases;
}

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
