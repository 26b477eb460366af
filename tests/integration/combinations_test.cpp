// Every vision backbone × resampler × adapter × language decoder of this tree, tiny: each combination builds,
// encodes, runs forward, generates, and sends gradients to every tensor; or its dimensions do not agree, and
// the error says which.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>

#include <set>

#include "framework/base/text.h"
#include "framework/device/device.h"
#include "framework/generate/generate.h"
#include "framework/model/model.h"
#include "tests/support/component.h"
#include "tests/support/test_device.h"

namespace flam {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;

/// Parameters that make each component small; several sets for components with different structures.
const std::map<std::string, std::vector<std::string>> kTiny = {
    {"vision_backbone/clip_vit",
     {"image_size: 16, patch_size: 8, hidden_size: 16, num_layers: 2, num_heads: 2, intermediate_size: 24",
      "image_size: 16, patch_size: 8, hidden_size: 32, num_layers: 2, num_heads: 2, intermediate_size: 24, "
      "feature_layer: -2, output_class_token: true"}},
    {"vision_backbone/dinov2",
     {"image_size: 16, patch_size: 8, hidden_size: 16, num_layers: 2, num_heads: 2, intermediate_size: 24, "
      "num_register_tokens: 2"}},
    {"vision_backbone/efficientnet_lite", {"image_size: 64, width_multiplier: 0.1, depth_multiplier: 0.1"}},
    {"vision_backbone/resnet",
     {"image_size: 32, block: basic, depths: [1, 1], stem_width: 8, width: 8, out_stage: 2"}},
    {"vision_backbone/siglip",
     {"image_size: 16, patch_size: 8, hidden_size: 16, num_layers: 2, num_heads: 2, intermediate_size: 24, "
      "position_interpolation: buckets"}},
    {"resampler/average_pool", {"num_latents: 4"}},
    {"resampler/classifier_tokens", {"num_classes: 5", "num_classes: 3, scale: 0.5, pooled: false"}},
    {"resampler/mlp", {"", "depth: 1, drop_prefix: false"}},
    {"resampler/perceiver", {"depth: 1, num_latents: 3, num_heads: 2, dim_head: 4, ff_mult: 2"}},
    {"resampler/pixel_shuffle", {"factor: 1", "factor: 1, depth: 2, bias: true"}},
    {"resampler/q_former",
     {"num_latents: 3, hidden_size: 12, num_layers: 2, num_heads: 2, intermediate_size: 20"}},
    {"adapter/gated_cross_attention",
     {"cross_attn_every_n_layers: 2, num_heads: 2, dim_head: 4, ff_mult: 2"}},
    {"adapter/prefix", {"", "projection: linear, keep_image_token: true"}},
    {"language_decoder/llama",
     {"vocab_size: 270, hidden_size: 32, num_layers: 2, num_heads: 4, num_key_value_heads: 2, "
      "intermediate_size: 40, "
      "max_position_embeddings: 200",
      "vocab_size: 270, hidden_size: 32, num_layers: 2, num_heads: 2, head_dim: 12, intermediate_size: 40, "
      "max_position_embeddings: 200, attention_bias: qkv, rope_scaling: {rope_type: linear, factor: 2}"}},
};

constexpr int64_t kVocabulary = 270, kNewTokens = 3;

struct Choice {
  std::string name, yaml;  // "prefix", "{type: prefix, …}"
};

std::vector<Choice> choices_of(const std::string& kind) {
  std::vector<Choice> out;
  for (const Registry::Listed& listed : built_plugins().list(kind)) {
    const auto tiny = kTiny.find(kind + "/" + listed.name);
    if (tiny == kTiny.end()) {
      ADD_FAILURE() << kind << " '" << listed.name << "' has no tiny parameters; add \"" << kind << "/"
                    << listed.name << "\" to kTiny in " << __FILE__;
      continue;
    }
    for (const std::string& params : tiny->second)
      out.push_back({listed.name, cat("{type: ", listed.name, params.empty() ? "" : ", ", params, "}")});
  }
  EXPECT_FALSE(out.empty()) << "no " << kind << " in the build tree";
  return out;
}

std::unique_ptr<Model> assemble(const Choice& backbone, const Choice& resampler, const Choice& adapter,
                                const Choice& decoder) {
  const std::string yaml = cat("vision_backbone: ", backbone.yaml, "\nresampler: ", resampler.yaml,
                               "\nadapter: ", adapter.yaml, "\nlanguage_decoder: ", decoder.yaml,
                               "\ntokenizer: {type: placeholder, vocab_size: ", kVocabulary, "}\n");
  ErrorList errors;
  const ModelConfig config =
      ModelConfig::parse(parse_yaml(yaml, "combination.yaml"), built_plugins(), errors);
  errors.throw_if_any();
  return Model::assemble(config, built_plugins());
}

/// Two rows: two pictures at different places, and one picture in a shorter row.
Batch batch_of(const Model& model, const at::Tensor& media) {
  std::vector<std::vector<int64_t>> rows = {
      model.tokenizer().encode(template_text("a<image>bcd<image>e"), true),
      model.tokenizer().encode(template_text("<image>fg"), true)};
  const auto length = static_cast<int64_t>(rows[0].size());
  Batch batch{at::full({2, length}, model.tokenizer().pad_id(), at::kLong), at::zeros({2, length}, at::kBool),
              media};
  for (int64_t row = 0; row < 2; ++row) {
    const auto real = static_cast<int64_t>(rows[row].size());
    batch.ids[row].narrow(0, length - real, real).copy_(at::tensor(rows[row], at::kLong));
    batch.attention_mask[row].narrow(0, length - real, real).fill_(true);
  }
  return batch;
}

std::vector<std::vector<int64_t>> rows_of(const at::Tensor& ids) {
  std::vector<std::vector<int64_t>> rows;
  for (int64_t row = 0; row < ids.size(0); ++row) {
    const auto* first = ids.const_data_ptr<int64_t>() + row * ids.size(1);
    rows.emplace_back(first, first + ids.size(1));
  }
  return rows;
}

void generates(const Model& model, const Batch& batch, const at::Tensor& last_logits) {
  const c10::InferenceMode inference;
  for (const int64_t beams : {1, 2}) {
    GenerationParams params;
    params.num_beams = beams;
    params.max_new_tokens = kNewTokens;
    GenerateInput input;
    input.prompts = rows_of(batch.ids);
    const auto results = generate(*model.start(batch, beams, kNewTokens), input, params);
    for (int64_t row = 0; row < 2; ++row) {
      const Hypothesis& best = results.at(row).hypotheses.front();
      EXPECT_EQ(best.ids.size(), static_cast<size_t>(kNewTokens));
      EXPECT_TRUE(std::isfinite(best.logprob));
      if (beams == 1) {
        EXPECT_EQ(best.ids.front(), last_logits[row].argmax().item<int64_t>());
      }
    }
  }
}

/// Whether training may not change it (a batch norm's running statistics).
template <class Slot>
bool is_statistic(const Slot& slot) {
  if constexpr (requires { slot.statistic; }) return slot.statistic;
  return false;
}

/// Assembled on meta, filled, used and differentiated.
void works(Model& model) {
  const at::Tensor on_meta =
      model
          .encode_images(at::empty(
              {1, 3, model.vision_backbone().image_size(), model.vision_backbone().image_size()}, at::kMeta))
          .tokens;
  EXPECT_EQ(on_meta.size(1), model.vision_backbone().shape().tokens());
  model.load(nullptr, resolve_device(test::device()), at::kFloat, 1);
  at::manual_seed(1);
  for (const auto& slot : model.weights().slots()) {
    if (is_statistic(*slot)) continue;
    slot->tensor.add_(at::randn(slot->tensor.sizes()).to(slot->tensor.device()),
                      0.1);  // so that no gate stays closed
    slot->tensor.requires_grad_();
  }
  const int64_t size = model.vision_backbone().image_size();
  const Features features = model.encode_images(random({3, 3, size, size}, 2));
  const at::Tensor media = model.resample(features, at::tensor({0, 1, 2, 2}, at::kLong).view({2, 2, 1}));
  const Batch batch = batch_of(model, media);
  const Sequence sequence = model.forward(batch);
  const at::Tensor logits = model.logits(sequence.hidden);
  EXPECT_EQ(logits.size(2), kVocabulary + 3);
  EXPECT_TRUE(logits.isfinite().all().item<bool>());

  const at::Tensor last = logits.select(1, logits.size(1) - 1);
  const at::Tensor real = sequence.mask.flatten().nonzero().squeeze(1);
  const at::Tensor target = at::arange(real.size(0), real.options()) % kVocabulary;
  at::cross_entropy_loss(logits.flatten(0, 1).index_select(0, real), target).backward();
  for (const auto& slot : model.weights().slots()) {
    if (is_statistic(*slot)) continue;
    const at::Tensor& gradient = slot->tensor.grad();
    ASSERT_TRUE(gradient.defined()) << slot->name;
    EXPECT_TRUE(gradient.isfinite().all().item<bool>()) << slot->name;
    EXPECT_GT(gradient.abs().max().item<float>(), 0) << slot->name;
  }
  const c10::InferenceMode inference;
  generates(model, {batch.ids, batch.attention_mask, media.detach()}, last.detach());
}

TEST(Combinations, WorkOrSayWhichDimensionsDiffer) {
  const auto backbones = choices_of("vision_backbone"), resamplers = choices_of("resampler"),
             adapters = choices_of("adapter"), decoders = choices_of("language_decoder");
  std::set<std::string> worked, clashed;
  for (const Choice& backbone : backbones) {
    for (const Choice& resampler : resamplers) {
      for (const Choice& adapter : adapters) {
        for (const Choice& decoder : decoders) {
          SCOPED_TRACE(cat(backbone.yaml, "\n", resampler.yaml, "\n", adapter.yaml, "\n", decoder.yaml));
          std::unique_ptr<Model> model;
          try {
            model = assemble(backbone, resampler, adapter, decoder);
          } catch (const Error& error) {
            EXPECT_THAT(
                error.what(),
                AllOf(HasSubstr("combination.yaml:3:"),
                      HasSubstr(cat("adapter '", adapter.name,
                                    "' takes media tokens of width 32, the hidden_size of ",
                                    "language_decoder '", decoder.name, "'")),
                      ContainsRegex(cat("resampler '", resampler.name, "' has the fixed width [0-9]+;")),
                      HasSubstr("set model.adapter.")));
            clashed.insert(resampler.name + " × " + adapter.name);
            continue;
          }
          works(*model);
          for (const Choice& part : {backbone, resampler, adapter, decoder}) worked.insert(part.yaml);
        }
      }
    }
  }
  EXPECT_EQ(clashed, std::set<std::string>{"perceiver × prefix"})
      << "at a backbone's width that is not the decoder's";
  EXPECT_EQ(worked.size(), backbones.size() + resamplers.size() + adapters.size() + decoders.size());
}

}  // namespace
}  // namespace flam
