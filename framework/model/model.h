#pragma once
// One assembled Flamingo: components built, dimensions checked, weights declared; then encode media, prefill,
// step.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "framework/component/adapter.h"
#include "framework/component/language_decoder.h"
#include "framework/component/resampler.h"
#include "framework/component/step_graph.h"
#include "framework/component/tokenizer.h"
#include "framework/component/vision_backbone.h"
#include "framework/model/border.h"
#include "framework/model/model_config.h"
#include "framework/model/step_model.h"
#include "framework/weights/load.h"

namespace flam {

/// B token rows, padded on the left, with their media.
struct Batch {
  at::Tensor ids;             // [B,L] int64, CPU
  at::Tensor attention_mask;  // [B,L] bool, CPU
  at::Tensor media;  // [B,T,L_media,D'] media tokens on the model's device; T may be 0 (then undefined)
};

class FLAM_API Model {
 public:
  /// Builds every component and checks that dimensions meet, before any weight is read. Weights stay on the
  /// meta device.
  static std::unique_ptr<Model> assemble(const ModelConfig& config, const Registry& registry);

  /// Fills the weights from files, or (`files` null) with initial values.
  void load(const WeightsConfig* files, at::Device device, at::ScalarType dtype, uint64_t seed);
  /// Says where the weights are, for a caller that has filled them itself (training).
  void place(at::Device device, at::ScalarType dtype);

  // Media. pixels [N,3,H,W] float32.
  Features encode_images(const at::Tensor& pixels) const;
  /// tokens [N,P,D] of the distinct pictures, index [B,T,F] int64 into N → [B,T,L,D']. Records
  /// "vision_features" [B·T·F,P,D] and "media_tokens".
  at::Tensor resample(const Features& features, const at::Tensor& index, Probe* probe = nullptr) const;

  /// Uncached forward: the prompts with their hidden states after the last layer. Used for training and
  /// recording.
  Sequence forward(const Batch& batch, Probe* probe = nullptr) const;
  /// Final norm and output matrix.
  at::Tensor logits(const at::Tensor& hidden, Probe* probe = nullptr) const;

  /// A generation over a batch: `beams` rows a prompt, room for max_new_tokens. With a `graph` all steps are
  /// alike, so that it records the first and repeats it.
  std::unique_ptr<StepModel> start(const Batch& batch, int64_t beams, int64_t max_new_tokens,
                                   Probe* probe = nullptr, std::unique_ptr<StepGraph> graph = nullptr) const;

  /// How likely the K continuations of each of B prompts are: ids [B,K,L] int64 on the CPU, padded on the
  /// right with any id → log-probability of each id after the prompt and the ids before it, float32 [B,K,L]
  /// on the CPU. The prompts run once; equal to the uncached forward of prompt and continuation. Interrupted:
  /// `cancelled`, asked now and then, says so.
  at::Tensor score(const Batch& batch, const at::Tensor& continuations,
                   const std::function<bool()>& cancelled = {}) const;

  /// Ids of the tokenizer: its own and the added tokens.
  int64_t token_count() const;
  /// Ids for which the decoder has rows: more where the files' vocabulary is padded.
  int64_t vocabulary_rows() const { return token_count() + least_padding_; }

  const VisionBackbone& vision_backbone() const { return *vision_backbone_; }
  const Resampler& resampler() const { return *resampler_; }
  const Adapter& adapter() const { return *adapter_; }
  const LanguageDecoder& language_decoder() const { return *language_decoder_; }
  Tokenizer& tokenizer() { return *tokenizer_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  WeightStore& weights() { return weights_; }
  const WeightStore& weights() const { return weights_; }
  at::Device device() const { return device_; }
  at::ScalarType dtype() const { return dtype_; }
  int64_t image_token_id() const { return image_token_id_; }

 private:
  Model() = default;
  friend class Generation;

  // Calls over the border, for forward and generation.
  at::Tensor embed(const at::Tensor& ids) const;
  std::unique_ptr<AdapterState> prepare(const at::Tensor& media) const;
  /// The ids of a batch embedded, with the media that the adapter puts among them; recorded as "embed".
  /// Error: it and `new_tokens` more don't fit the decoder's context.
  Sequence embed_prompt(const Batch& batch, const AdapterState& state, int64_t new_tokens,
                        Probe* probe) const;
  /// Every decoder layer, with the adapter before its own; hidden [R,S,D] → [R,S,D].
  at::Tensor run_layers(at::Tensor hidden, const DecodeStep& step, const Visibility& visibility,
                        const AdapterState& state) const;

  WeightStore weights_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<LanguageDecoder> language_decoder_;
  std::unique_ptr<VisionBackbone> vision_backbone_;
  std::unique_ptr<Resampler> resampler_;
  std::unique_ptr<Adapter> adapter_;
  Border decoder_border_, backbone_border_, resampler_border_, adapter_border_;
  std::vector<int64_t> adapter_layers_;
  at::Device device_ = at::kMeta;
  at::ScalarType dtype_ = at::kFloat;
  int64_t image_token_id_ = -1;
  int64_t least_padding_ = 0, most_padding_ = 0;  // rows of vocabulary tensors beyond the tokens
};

}  // namespace flam
