#pragma once
// An assembled model. assemble() builds the components, checks their dimensions and declares the weights, and
// load() fills the weights. Then the model encodes media, runs prompts and generates token by token.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "framework/component/adapter.h"
#include "framework/component/language_decoder.h"
#include "framework/component/media_layout.h"
#include "framework/component/resampler.h"
#include "framework/component/step_graph.h"
#include "framework/component/tokenizer.h"
#include "framework/component/vision_backbone.h"
#include "framework/model/border.h"
#include "framework/model/model_config.h"
#include "framework/model/step_model.h"
#include "framework/weights/load.h"

namespace flam {

struct KeptPrompt;

/// B token rows, padded on the left, with their media.
struct Batch {
  at::Tensor ids;             // [B,L] int64, CPU
  at::Tensor attention_mask;  // [B,L] bool, CPU
  at::Tensor media;           // [B,T,L_media,D'] media tokens on the model's device; undefined if T is 0
  /// What every row follows, see Model::keep(); null: the rows are whole prompts.
  std::shared_ptr<const KeptPrompt> kept = {};
};

class FLAM_API Model {
 public:
  /// Builds every component and checks that their dimensions agree, before any weight is read. The weights
  /// stay on the meta device. Error: a component is rejected, or two do not fit together.
  static std::unique_ptr<Model> assemble(const ModelConfig& config, const Registry& registry);

  /// Fills the weights from `files`, or with initial values from `seed` if `files` is null.
  LoadReport load(const WeightsConfig* files, at::Device device, at::ScalarType dtype, uint64_t seed);
  /// Sets the device and dtype of the weights, for a caller that has filled them itself (training).
  void place(at::Device device, at::ScalarType dtype);

  /// Encodes pictures: pixels [N,3,H,W] float32 → features.
  Features encode_images(const VisionInput& input) const;
  /// Takes features [N,P,D] that the backbone gave before, in place of encode_images(): moved to the model's
  /// device and dtype, not copied if they are there.
  Features given_features(const at::Tensor& tokens) const;
  /// Error: `features` of one picture are not floating-point [P,D] as the backbone gives them.
  void check_features(const at::Tensor& features) const;
  /// Media tokens [B,T,L,D'] from the features [N,P,D] of the distinct pictures and index [B,T,F], int64 into
  /// N. With S tile slots, the index is [B,T·S,F], and the result is [B,T,S·L,D']. Records "vision_features"
  /// [B·T·S·F,P,D] and "media_tokens".
  at::Tensor resample(const Features& features, const at::Tensor& index, Probe* probe = nullptr) const;

  /// Runs the prompts without a cache and returns them with the hidden states after the last layer. Used for
  /// training and for recording the stages.
  Sequence forward(const Batch& batch, Probe* probe = nullptr) const;
  /// Applies the final norm and the output matrix: [...,D] → [...,V].
  at::Tensor logits(const at::Tensor& hidden, Probe* probe = nullptr) const;

  /// Runs the beginning of prompts, a batch of one row with its media, so that it can be given as
  /// Batch::kept. The result may end before the batch does: where text sees the next picture, what the tokens
  /// after the last media marker see is not known yet. Null if nothing can be kept.
  std::shared_ptr<const KeptPrompt> keep(const Batch& batch) const;
  /// What keep() gave before, from its members but the adapter's state, for example out of a file. Error: the
  /// members don't fit the model or one another.
  std::shared_ptr<const KeptPrompt> restore(KeptPrompt kept) const;

  /// Starts a generation over a batch, with `beams` rows for each prompt and room for max_new_tokens. With a
  /// `graph`, all steps have the same size, so that the first one is recorded and then replayed. Prompts are
  /// padded to a multiple of `bucket` positions.
  std::unique_ptr<StepModel> start(const Batch& batch, int64_t beams, int64_t max_new_tokens,
                                   Probe* probe = nullptr, std::unique_ptr<StepGraph> graph = nullptr,
                                   int64_t bucket = 1) const;

  /// Begins anew with other prompts on a generation that start() gave, whose recorded step stays valid.
  /// Returns false if it is of other shapes (rows, positions, media) or the adapter does not support this;
  /// the generation then stays as it is.
  bool restart(StepModel& started, const Batch& batch, int64_t bucket = 1) const;

  /// Scores K continuations of each of B prompts: ids [B,K,L] int64 on the CPU, padded on the
  /// right with any id → log-probability of each id after the prompt and the ids before it, float32 [B,K,L]
  /// on the CPU. The prompts run once; the values equal those of the uncached forward of prompt and
  /// continuation. Interrupted: `cancelled`, which is called between blocks, returned true.
  at::Tensor score(const Batch& batch, const at::Tensor& continuations,
                   const std::function<bool()>& cancelled = {}) const;

  /// Number of ids of the tokenizer, with its added tokens.
  int64_t token_count() const;
  /// Number of ids for which the decoder has rows: more than token_count() if the vocabulary in the files is
  /// padded.
  int64_t vocabulary_rows() const { return token_count() + least_padding_; }

  /// How many positions the adapter adds to a prompt for each of its media.
  int64_t inserted_positions() const;

  const MediaLayout& media_layout() const { return *media_layout_; }
  /// The media tokens that stand for one media marker.
  int64_t media_tokens() const { return media_layout_->tile_slots() * resampler_->shape().tokens; }
  const VisionBackbone& vision_backbone() const { return *vision_backbone_; }
  const Resampler& resampler() const { return *resampler_; }
  const Adapter& adapter() const { return *adapter_; }
  const LanguageDecoder& language_decoder() const { return *language_decoder_; }
  Tokenizer& tokenizer() { return *tokenizer_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  WeightStore& weights() { return weights_; }
  const WeightStore& weights() const { return weights_; }
  /// The naming tables of a component. Error: there is no such slot.
  const std::vector<NamingTable>& naming_tables(const std::string& slot) const;
  at::Device device() const { return device_; }
  at::ScalarType dtype() const { return dtype_; }
  /// The id of the media marker. One that is not an added token is known once the tokenizer is loaded; until
  /// then, the last id of the vocabulary stands for it.
  int64_t image_token_id() const;

 private:
  Model() = default;
  friend class Generation;

  const std::vector<NamingTable>* find_naming_tables(const std::string& slot) const;

  // Checked calls of the components, for the forward pass and the generation.
  at::Tensor embed(const at::Tensor& ids) const;
  std::unique_ptr<AdapterState> prepare(const at::Tensor& media) const;
  /// Embeds the ids of a batch, with the media that the adapter inserts; recorded as "embed". Error: the
  /// result and `new_tokens` more tokens don't fit into the decoder's context.
  /// Padding is added up to a multiple of `bucket` positions.
  Sequence embed_prompt(const Batch& batch, const AdapterState& state, int64_t new_tokens, Probe* probe,
                        int64_t bucket = 1) const;
  /// The state of the media of a kept prompt and of those that follow it; `state` is that of `media` alone.
  std::unique_ptr<AdapterState> join(const KeptPrompt& kept, const at::Tensor& media,
                                     const AdapterState& state) const;
  /// Runs every decoder layer, and the adapter before each of its layers; hidden [R,S,D] → [R,S,D].
  at::Tensor run_layers(at::Tensor hidden, const DecodeStep& step, const Visibility& visibility,
                        const AdapterState& state) const;

  WeightStore weights_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<LanguageDecoder> language_decoder_;
  std::unique_ptr<MediaLayout> media_layout_;
  std::unique_ptr<VisionBackbone> vision_backbone_;
  std::unique_ptr<Resampler> resampler_;
  std::unique_ptr<Adapter> adapter_;
  Border decoder_border_, backbone_border_, resampler_border_, adapter_border_;
  std::vector<int64_t> adapter_layers_;
  at::Device device_ = at::kMeta;
  at::ScalarType dtype_ = at::kFloat;
  int64_t image_token_id_ = -1;                   // of an added token
  int64_t least_padding_ = 0, most_padding_ = 0;  // padding rows of the vocabulary tensors
};

}  // namespace flam
