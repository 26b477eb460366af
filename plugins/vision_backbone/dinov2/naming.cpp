#include "plugins/vision_backbone/dinov2/dinov2.h"

namespace flam {

namespace {

std::vector<NameRule> huggingface_rules(const std::string& final_norm) {
  std::vector<NameRule> rules = {
      {"embeddings.cls_token", "class_embedding"},
      {"embeddings.register_tokens", "register_tokens"},
      {"embeddings.position_embeddings", "position_embedding"},
      {"embeddings.mask_token", ""},
      {"encoder.layer.{}.layer_scale1.lambda1", "layers.{}.ls1"},
      {"encoder.layer.{}.layer_scale2.lambda1", "layers.{}.ls2"},
  };
  rename_layer(rules, "embeddings.patch_embeddings.projection", "patch_embedding");
  rename_vit_layers(rules,
                    {"encoder.layer.{}",
                     "norm1",
                     {"attention.attention.query", "attention.attention.key", "attention.attention.value"},
                     "attention.output.dense",
                     "norm2",
                     "mlp.fc1",
                     "mlp.fc2"});
  rename_layer(rules, "encoder.layer.{}.mlp.weights_in", "layers.{}.mlp.fc1");
  rename_layer(rules, "encoder.layer.{}.mlp.weights_out", "layers.{}.mlp.fc2");
  rename_layer(rules, "layernorm", final_norm);
  return rules;
}

/// The rules that the original repository and timm have in common.
std::vector<NameRule> original_rules(const std::string& final_norm) {
  std::vector<NameRule> rules = {
      {"cls_token", "class_embedding"},
      {"pos_embed", "position_embedding"},
      {"mask_token", ""},
      {"head.*", ""},
      {"blocks.{}.ls1.gamma", "layers.{}.ls1"},
      {"blocks.{}.ls2.gamma", "layers.{}.ls2"},
  };
  rename_layer(rules, "patch_embed.proj", "patch_embedding");
  rename_vit_layers(rules, timm_layer_names());
  rename_layer(rules, "norm", final_norm);
  return rules;
}

std::vector<NameRule> facebook_rules(const std::string& final_norm) {
  std::vector<NameRule> rules = original_rules(final_norm);
  rules.push_back({"register_tokens", "register_tokens"});
  rename_layer(rules, "blocks.{}.mlp.w12", "layers.{}.mlp.fc1");
  rename_layer(rules, "blocks.{}.mlp.w3", "layers.{}.mlp.fc2");
  return rules;
}

std::vector<NameRule> timm_rules(const std::string& final_norm) {
  std::vector<NameRule> rules = original_rules(final_norm);
  rules.push_back({"reg_token", "register_tokens"});
  return rules;
}

}  // namespace

std::vector<NamingTable> dinov2_naming_tables(const Dinov2Params& params) {
  const std::string final_norm = params.final_norm ? "final_norm" : "";
  return {{"huggingface", huggingface_rules(final_norm)},
          {"facebook", facebook_rules(final_norm)},
          {"timm", timm_rules(final_norm)}};
}

}  // namespace flam
