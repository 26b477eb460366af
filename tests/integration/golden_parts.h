#pragma once
// The stored models of golden_parts_test.cpp and their cases: FLAM_GOLDEN_DIR/llava_tiny and smolvlm_tiny.
#include <iostream>
#include <set>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/component/language_decoder.h"
#include "framework/component/resampler.h"
#include "framework/component/vision_backbone.h"
#include "tests/support/component.h"

namespace flam {

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

inline std::vector<Family> families() {
  const auto family = [](const char* folder, const char* model, const char* prefix, bool is_llava) {
    const auto root = golden_dir() / folder;
    const auto file = root / model / "config.json";
    return Family{root / model, root, prefix, is_llava, parse_yaml(read_file(file, 1 << 20), file.string())};
  };
  return {family("llava_tiny", "model", "", true), family("smolvlm_tiny", "smolvlm", "smolvlm_", false),
          family("smolvlm_tiny", "idefics3", "idefics3_", false)};
}

inline Built<VisionBackbone> tower(const Family& family) {
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

inline Built<Resampler> connector(const Family& family, const FeatureShape& features) {
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

inline Built<LanguageDecoder> decoder(const Family& family) {
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

inline std::vector<Case> cases_with(const Family& family, const char* tensor) {
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

}  // namespace flam
