#pragma once
// An experiment that runs in seconds: two variants and two seeds, with a few steps of a very small model.
#include <string>

namespace flam::test {

inline const std::string kTinyExperiment = R"(
base: flamingo_mini_caption
set:
  model.vision_backbone: {hidden_size: 16, num_layers: 1, num_heads: 2, intermediate_size: 32, patch_size: 20}
  model.resampler: {depth: 1, num_latents: 8, num_heads: 2, dim_head: 8}
  model.adapter: {num_heads: 2, dim_head: 8, cross_attn_every_n_layers: 2}
  model.language_decoder: {hidden_size: 16, num_layers: 2, num_heads: 2, intermediate_size: 32}
  generation.max_new_tokens: 6
seeds: [1, 2]
weights: random
variants:
  - name: base
  - name: four <latents>
    set: {model.resampler.num_latents: 4}
stages:
  - name: backbone
    only_if_changed: [vision_backbone]
    set: {train: {objectives: [labels], trained: {"vision_backbone.*": 1.0e-3}, steps: 2}}
  - name: joint
    set:
      dataset: {split: train, size: 1000}
      train:
        trained: {"*": 1.0e-3}
        task_heads: [{type: caption}, {type: vqa}]
        records_per_picture: [1, 2]
        steps: 4
        batch_size: 2
        log_every: 2
        sample_every: 0
evaluate:
  - {name: caption, limit: 3}
  - name: questions
    limit: 4
    blind: false
    set: {task_head: {type: vqa}, metrics: [{type: exact_match}]}
bench: {records: 2, warmup: 1, new_tokens: 3}
pictures: 2
)";

}  // namespace flam::test
