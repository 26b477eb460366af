#include "framework/model/cost.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/where.h>
#include <c10/core/InferenceMode.h>

#include "framework/model/forward.h"
#include "framework/model/laid_out.h"
#include "framework/nn/flops.h"

namespace flam {

namespace {

void count_flops_of(const Model& model, ModelCost& out) {
  const c10::InferenceMode inference;
  const auto meta = at::TensorOptions().device(at::kMeta);
  const auto count = [](int64_t& into, const auto& stage) {
    const FlopScope scope;
    stage();
    into += scope.flops();
  };
  const MediaLayout& layout = model.media_layout();
  MediaPlan largest;
  largest.crops = layout.max_crops();
  const int64_t crops = layout.tile_slots() > 1 ? layout.tile_slots() : largest.crops;
  const int64_t markers = layout.media_count(largest), size = model.vision_backbone().image_size();
  const VisionInput pictures = vision_input(at::empty({crops, 3, size, size}, meta.dtype(at::kFloat)),
                                            {&largest, 1}, layout, model.vision_backbone().shape());
  Features features;
  count(out.parts[0].flops, [&] { features = model.encode_images(pictures); });
  at::Tensor media;
  const at::Tensor index = at::arange(crops, at::kLong).view({1, crops, 1});
  count(out.parts[1].flops, [&] { media = model.resample(features, index); });
  // The first tokens are the image tokens. Those of further crops don't count as tokens of the prompt.
  Sequence sequence;
  const auto prompt_of = [&](int64_t tokens) {
    const int64_t length = tokens + markers - 1;
    const at::Tensor ids = at::where(at::arange(length, at::kLong) < markers, model.image_token_id(), 0);
    const Batch batch{ids.unsqueeze(0), at::ones({1, length}, at::kBool), media};
    int64_t flops = 0;
    count(flops, [&] {
      sequence = model.forward(batch);
      model.logits(sequence.hidden.narrow(1, sequence.hidden.size(1) - 1, 1));
    });
    return flops;
  };
  // A forward pass over n positions costs a·n² + b·n + c FLOPs. A cached step after them costs a·(n + 1) + b,
  // because the new token attends to the n earlier tokens and to itself.
  const int64_t fewer = std::max<int64_t>(out.prompt_tokens - 2, 1);
  const int64_t first = prompt_of(fewer), n = sequence.hidden.size(1), second = prompt_of(fewer + 1);
  const int64_t a = (prompt_of(fewer + 2) - 2 * second + first) / 2, b = second - first - a * (2 * n + 1);
  const int64_t all = prompt_of(out.prompt_tokens);
  out.positions = sequence.hidden.size(1);
  out.step_flops = a * (out.positions + 1) + b;
  // The decoder is counted alone, so that the rest is the adapter's share.
  const LanguageDecoder& decoder = model.language_decoder();
  count(out.parts[3].flops, [&] {
    const at::Tensor hidden =
        decoder.run(0, decoder.num_layers(), sequence.hidden, prompt_step(sequence, nullptr, nullptr));
    decoder.head(hidden.narrow(1, out.positions - 1, 1), nullptr);
  });
  out.parts[2].flops = all - out.parts[3].flops;
  for (const auto& part : out.parts) out.prompt_flops += part.flops;
  count(out.step_flops, [&] {
    decoder.head(at::empty({1, 1, decoder.hidden_size()}, meta.dtype(model.dtype())), nullptr);
  });
}

}  // namespace

ModelCost count_cost(const Model& model, int64_t prompt_tokens) {
  ModelCost out;
  out.prompt_tokens = prompt_tokens;
  for (const char* slot : {"vision_backbone", "resampler", "adapter", "language_decoder"}) {
    out.parts.push_back({slot, model.weights().parameter_count(slot), 0});
    out.parameters += out.parts.back().parameters;
  }
  count_flops_of(model, out);
  return out;
}

std::vector<std::pair<std::string, int64_t>> weight_bytes(int64_t parameters) {
  return {{"float32", 4 * parameters}, {"bfloat16", 2 * parameters}, {"float16", 2 * parameters}};
}

}  // namespace flam
