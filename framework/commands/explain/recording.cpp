#include "framework/commands/explain/recording.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <nlohmann/json.hpp>

#include "framework/base/text.h"
#include "framework/device/device_memory.h"
#include "framework/device/one_thread.h"
#include "framework/generate/generate.h"
#include "framework/report/json.h"
#include "framework/weights/checkpoint.h"

namespace flam {

namespace {

class AttentionRecorder final : public Probe {
 public:
  explicit AttentionRecorder(Recording& into) : into_(into) {}
  bool wants_attention() const override { return true; }
  void record(std::string_view stage, int64_t layer, const at::Tensor& value) override {
    if (stage == "resampler_attention") add(into_.resampler_attention, layer, value);
    if (stage == "adapter_attention") add(into_.adapter_attention, layer, value.squeeze(0));
  }

 private:
  static void add(std::map<int64_t, at::Tensor>& layers, int64_t layer, const at::Tensor& value) {
    layers[layer] = value.to(at::kCPU, at::kFloat).contiguous();
  }
  Recording& into_;
};

}  // namespace

Prompt prompt_of(const Session& session, const Request& request) {
  return prompt_of(session.task_head().task(request));
}

namespace {

Recording record(const Session& session, const Prompt& prompt, std::span<const int64_t> answer) {
  const Model& model = session.model();
  Recording recording;
  AttentionRecorder recorder(recording);
  recording.media = session.parts().prepare({&prompt, 1});
  session.parts().encode_media(recording.media, nullptr, &recorder);

  Batch batch = recording.media.batch;
  recording.prompt_tokens = batch.ids.size(1);
  const auto count = static_cast<int64_t>(answer.size());
  const int64_t length = recording.prompt_tokens + count;
  const at::Tensor said = at::tensor(at::IntArrayRef(answer.data(), answer.size()), at::kLong).unsqueeze(0);
  batch.ids = at::cat({batch.ids, said}, 1);
  batch.attention_mask = at::cat({batch.attention_mask, at::ones({1, count}, at::kBool)}, 1);
  const at::Tensor hidden = model.forward(batch, &recorder).hidden;
  // Counted from the end, because an adapter may have inserted media tokens at the start.
  const at::Tensor before = hidden.narrow(1, hidden.size(1) - count - 1, count);
  const at::Tensor given = model.logits(before).to(at::kFloat).log_softmax(-1).squeeze(0);
  const at::Tensor chosen =
      given.gather(1, said.to(given.device()).view({count, 1})).to(at::kCPU, at::kDouble).contiguous();

  const at::Tensor ids = batch.ids.contiguous();
  recording.ids.assign(ids.const_data_ptr<int64_t>(), ids.const_data_ptr<int64_t>() + length);
  recording.logprobs.assign(chosen.const_data_ptr<double>(), chosen.const_data_ptr<double>() + count);
  return recording;
}

}  // namespace

Recording record_answer(const Session& session, const Prompt& prompt, std::span<const int64_t> answer) {
  const c10::InferenceMode inference;
  const ThreadCount computing(session.options().threads);
  return with_device_memory([&] { return record(session, prompt, answer); });
}

void write_recording(const std::filesystem::path& file, const Recording& recording, const Session& session) {
  std::vector<std::pair<std::string, at::Tensor>> tensors = {
      {"ids", at::tensor(at::IntArrayRef(recording.ids), at::kLong)},
      {"logprobs", at::tensor(at::ArrayRef<double>(recording.logprobs), at::kDouble)}};
  for (const auto& [layer, weights] : recording.resampler_attention)
    tensors.emplace_back(cat("resampler_attention_layer", layer), weights);
  for (const auto& [layer, weights] : recording.adapter_attention)
    tensors.emplace_back(cat("adapter_attention_layer", layer), weights);
  auto pieces = nlohmann::ordered_json::array();
  for (const int64_t id : recording.ids)
    pieces.push_back(text_of({id}, session.model().tokenizer(), /*skip_special_tokens=*/false));
  const FeatureShape features = session.model().vision_backbone().shape();
  write_safetensors(file, tensors,
                    {{"config", session.config().name},
                     {"prompt_tokens", std::to_string(recording.prompt_tokens)},
                     {"pieces", json_line(pieces)},
                     {"grid", cat(features.grid_h, "x", features.grid_w)},
                     {"prefix_tokens", std::to_string(features.prefix_tokens)}});
}

}  // namespace flam
