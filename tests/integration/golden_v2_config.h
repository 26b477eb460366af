#pragma once
#include <filesystem>
#include <string>

#include "framework/base/file.h"
#include "tests/integration/golden_config.h"

namespace flam::test {

/// Writes the config of tests/golden/v2_tiny (open-flamingo 2.0.1 with a LLaMA) below `scratch`. The files
/// are what open_clip, transformers and open-flamingo save.
inline std::string write_v2_config(const std::filesystem::path& scratch) {
  const std::string config = R"(
model:
  vision_backbone: {type: clip_vit, image_size: 42, patch_size: 14, hidden_size: 32, num_layers: 3, num_heads: 4,
    intermediate_size: 128, activation: quick_gelu}
  resampler: {type: perceiver, depth: 2, num_latents: 7, num_heads: 4, dim_head: 12}
  adapter: {type: gated_cross_attention, cross_attn_every_n_layers: 2, num_heads: 4, dim_head: 12}
  language_decoder: {type: llama, vocab_size: 420, hidden_size: 32, num_layers: 4, num_heads: 4,
    intermediate_size: 80, max_position_embeddings: 512, rms_norm_eps: 1.0e-6}
  tokenizer: {type: byte_bpe, model: bpe_small/tokenizer.json, added_tokens: ['<|endofchunk|>', '<image>', '<PAD>'],
    bos_token: '<|endoftext|>', eos_token: '<|endoftext|>', pad_token: '<PAD>'}
transforms:
  - {type: resize_edge, edge: 42}
  - {type: center_crop, size: 42}
  - {type: normalize, mean: [122.7709383, 116.7460125, 104.09373615], std: [68.5005327, 66.6321579, 70.32316305]}
task_head: {type: caption}
generation: {num_beams: 3, beam_length: with_padded_prompt, pad_token_id: 422}
weights:
  files:
    - {path: clip_vit_open_clip.pt, layout: [{prefix: visual., slot: vision_backbone, naming: open_clip}]}
    - {path: llama, layout: [{prefix: '', slot: language_decoder, naming: huggingface}]}
    - path: llama_checkpoint.pt
      layout:
        - {prefix: perceiver., slot: resampler}
        - {prefix: lang_encoder.model., slot: adapter, naming: mmpretrain}
        - {prefix: lang_encoder., slot: language_decoder, naming: huggingface}
      ignore: ['lang_encoder.model.layers.{}.decoder_layer.self_attn.rotary_emb.inv_freq']
    - {path: llama_lm_head.pt, layout: [{prefix: lang_encoder., slot: language_decoder, naming: huggingface}]}
)";
  const auto file = scratch / "v2_tiny.yaml";
  write_file(file, config + "  root: " + (golden_root() / "v2_tiny").string() + "\n");
  return file.string();
}

}  // namespace flam::test
