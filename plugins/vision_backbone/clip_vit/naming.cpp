#include "plugins/vision_backbone/clip_vit/clip_vit.h"

namespace flam {

namespace {

std::vector<NameRule> openai_rules(const std::string& class_embedding, const std::string& final_norm) {
  std::vector<NameRule> rules = {
      {"class_embedding", class_embedding},
      {"positional_embedding", "position_embedding"},
      {"conv1.weight", "patch_embedding.weight"},
      {"transformer.resblocks.{}.attn.in_proj_weight", "layers.{}.attn.qkv.weight"},
      {"transformer.resblocks.{}.attn.in_proj_bias", "layers.{}.attn.qkv.bias"},
      {"proj", ""},
  };
  rename_layer(rules, "ln_pre", "pre_norm");
  rename_layer(rules, "transformer.resblocks.{}.attn.out_proj", "layers.{}.attn.proj");
  rename_layer(rules, "transformer.resblocks.{}.ln_1", "layers.{}.ln1");
  rename_layer(rules, "transformer.resblocks.{}.ln_2", "layers.{}.ln2");
  rename_layer(rules, "transformer.resblocks.{}.mlp.c_fc", "layers.{}.mlp.fc1");
  rename_layer(rules, "transformer.resblocks.{}.mlp.c_proj", "layers.{}.mlp.fc2");
  rename_layer(rules, "ln_post", final_norm);
  return rules;
}

std::vector<NameRule> huggingface_rules(const std::string& class_embedding, const std::string& final_norm) {
  std::vector<NameRule> rules = {
      {"embeddings.class_embedding", class_embedding},
      {"embeddings.patch_embedding.weight", "patch_embedding.weight"},
      {"embeddings.position_embedding.weight", "position_embedding"},
      {"embeddings.position_ids", ""},
  };
  rename_layer(rules, "pre_layrnorm", "pre_norm");
  rename_vit_layers(rules, clip_layer_names());
  rename_layer(rules, "post_layernorm", final_norm);
  return rules;
}

std::vector<NameRule> mmpretrain_rules(const std::string& class_embedding, const std::string& final_norm) {
  std::vector<NameRule> rules = {
      {"cls_token", class_embedding},
      {"pos_embed", "position_embedding"},
      {"patch_embed.projection.weight", "patch_embedding.weight"},
  };
  rename_layer(rules, "pre_norm", "pre_norm");
  rename_vit_layers(rules,
                    {"layers.{}", "ln1", {"attn.qkv"}, "attn.proj", "ln2", "ffn.layers.0.0", "ffn.layers.1"});
  rename_layer(rules, "ln1", final_norm);
  return rules;
}

}  // namespace

std::vector<NamingTable> clip_vit_naming_tables(const ClipVitParams& params) {
  const std::string class_embedding = params.class_token ? "class_embedding" : "";
  const std::string final_norm = params.final_norm ? "final_norm" : "";
  std::vector<NamingTable> tables = {{"openai", openai_rules(class_embedding, final_norm)},
                                     {"open_clip", openai_rules(class_embedding, final_norm)},
                                     {"huggingface", huggingface_rules(class_embedding, final_norm)},
                                     {"mmpretrain", mmpretrain_rules(class_embedding, final_norm)}};
  const char* const blocks[] = {"transformer.resblocks.", "transformer.resblocks.", "encoder.layers.",
                                "layers."};
  for (size_t i = 0; i < tables.size(); ++i) {
    for (int64_t unused = params.used_layers(); unused < params.num_layers; ++unused)
      tables[i].rules.insert(tables[i].rules.begin(), {cat(blocks[i], unused, ".*"), ""});
  }
  return tables;
}

}  // namespace flam
