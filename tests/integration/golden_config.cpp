#include "tests/integration/golden_config.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "framework/base/error.h"
#include "framework/base/file.h"
#include "framework/base/text.h"

namespace flam::test {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// mmpretrain's, configs/flamingo/flamingo_zeroshot_{caption,vqa}.py.
constexpr const char* kCaptionDemonstrations =
    "Output:A child holding a flowered umbrella and petting a yak.<|endofchunk|>"
    "Output:The child is holding a brush close to his mouth.<|endofchunk|>";
constexpr const char* kVqaDemonstrations =
    "Question:What is this photo taken looking through? Short Answer:pitcher<|endofchunk|>"
    "Question:How many people are wearing shorts in the forefront of this photo? Short "
    "Answer:4<|endofchunk|>";

json read_json(const fs::path& file) {
  return json::parse(read_file(file, 64 << 20));
}

std::string text(const json& value) {
  return value.dump();
}

std::string vision_file(const GoldenVariant& variant) {
  if (variant.vision == "openai") {
    return "{path: clip_vit_openai.pt, layout: [{prefix: visual., slot: vision_backbone, naming: openai}]}";
  }
  if (variant.vision == "huggingface") {
    return "{path: clip_vit_hf, layout: [{prefix: vision_model., slot: vision_backbone, naming: "
           "huggingface}]}";
  }
  return "{path: clip_vit_mmpretrain.pth, layout: [{prefix: backbone., slot: vision_backbone, naming: "
         "mmpretrain}]}";
}

// The tokens behind the vocabulary, in the order of their ids.
std::string added_tokens(const json& model) {
  const int64_t vocabulary = model.at("vocab");
  std::vector<std::pair<int64_t, std::string>> added;
  for (const auto& [token, id] : model.at("tokens").items()) {
    if (id.get<int64_t>() >= vocabulary) added.emplace_back(id, token);
  }
  std::sort(added.begin(), added.end());
  json list = json::array();
  for (const auto& [id, token] : added) list.push_back(token);
  return text(list);
}

}  // namespace

fs::path golden_root() {
  const char* named = std::getenv("FLAM_GOLDEN_DIR");
  return named && *named ? fs::absolute(named) : fs::path(FLAM_SOURCE_DIR) / "tests" / "golden";
}

std::vector<std::string> prompt_cases(const fs::path& folder) {
  if (!fs::is_regular_file(folder / "model.json")) {
    throw Error(cat("no ", quoted((folder / "model.json").string()),
                    "; expected a folder laid out like tests/golden/v1_tiny"));
  }
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    if (!fs::exists(fs::path(entry.path()).replace_extension(".safetensors"))) continue;
    const json node = read_json(entry.path());
    if (node.is_object() && node.contains("prompts")) out.push_back(entry.path().stem().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string golden_config(const fs::path& folder, const std::string& name, const GoldenVariant& variant) {
  const json model = read_json(folder / "model.json");
  const json& d = model.at("dims");
  const json side =
      fs::exists(folder / (name + ".json")) ? read_json(folder / (name + ".json")) : json::object();
  const bool vqa = side.value("task", "caption") == "vqa";
  const bool adapter_only = name.ends_with("_adapter_only");
  const bool previous = name.ends_with("_attend_previous");
  const json& generation = model.at("generation");
  return cat(
      "model:\n  vision_backbone: {type: clip_vit, image_size: ", d.at("img"),
      ", patch_size: ", d.at("patch"), ", hidden_size: ", d.at("vit_width"),
      ", num_layers: ", d.at("vit_layers"), ", num_heads: ", d.at("vit_heads"),
      ", intermediate_size: ", d.at("vit_width").get<int64_t>() * 4, ", activation: quick_gelu}\n",
      "  resampler: {type: perceiver, depth: ", d.at("perc_depth"), ", num_latents: ", d.at("perc_latents"),
      ", num_heads: ", d.at("perc_heads"), ", dim_head: ", d.at("perc_dim_head"), "}\n",
      "  adapter: {type: gated_cross_attention, cross_attn_every_n_layers: ", d.at("every"),
      ", num_heads: ", d.at("xattn_heads"), ", dim_head: ", d.at("xattn_dim_head"),
      ", text_sees: ", previous ? "last" : "next", ", cached_tokens_see: nothing}\n",
      "  language_decoder: {type: llama, vocab_size: ", model.at("vocab"), ", hidden_size: ", d.at("hidden"),
      ", num_layers: ", d.at("layers"), ", num_heads: ", d.at("heads"),
      ", intermediate_size: ", d.at("inter"), ", rms_norm_eps: ", d.at("rms_eps"), "}\n",
      "  tokenizer: {type: sentencepiece, model: ", text((folder / "llama" / "tokenizer.model").string()),
      ", added_tokens: ", added_tokens(model), ", bos_id: ", model.at("tokens").at("<s>"), "}\n",
      "transforms:\n  - {type: resize_edge, edge: ", d.at("img"),
      "}\n  - {type: center_crop, size: ", d.at("img"),
      "}\n  - {type: normalize, mean: ", text(model.at("mean")), ", std: ", text(model.at("std")), "}\n",
      "task_head: {type: ", vqa ? "vqa" : "caption",
      ", zeroshot_prompt: ", text(vqa ? kVqaDemonstrations : kCaptionDemonstrations), "}\n",
      "generation: {num_beams: ", generation.at("num_beams"),
      ", length_penalty: ", generation.at("length_penalty"),
      ", beam_length: with_padded_prompt, max_new_tokens: ", vqa ? 5 : 20,
      ", pad_token_id: ", generation.at("pad_token_id_of_finished_rows"), "}\n",
      "weights:\n  root: ", text(folder.string()), "\n  files:\n    - ", vision_file(variant),
      "\n    - {path: ", variant.decoder,
      ", layout: [{prefix: '', slot: language_decoder, naming: huggingface}]}\n",
      "    - path: adapter.pth\n      layout:\n        - {prefix: perceiver., slot: resampler}\n"
      "        - {prefix: lang_encoder.model., slot: adapter, naming: mmpretrain}\n"
      "        - {prefix: lang_encoder., slot: language_decoder, naming: huggingface}\n",
      adapter_only
          ? ""
          : "    - {path: lm_head.pth, layout: [{prefix: lang_encoder., slot: language_decoder, naming: "
            "huggingface}]}\n");
}

fs::path write_golden_config(const fs::path& scratch, const fs::path& folder, const std::string& name,
                             const GoldenVariant& variant) {
  const fs::path file =
      scratch / (name + "-" + variant.vision + "-" + fs::path(variant.decoder).stem().string() + ".yaml");
  write_file(file, golden_config(folder, name, variant));
  return file;
}

}  // namespace flam::test
