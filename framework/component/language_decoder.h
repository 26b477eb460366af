#pragma once
#include "framework/component/types.h"
#include "framework/nn/attention_mask.h"
#include "framework/nn/kv_cache.h"
#include "framework/nn/rotary.h"
#include "framework/registry/component.h"
#include "framework/weights/naming.h"

namespace flam {

/// What a decoder is built for.
struct DecoderInput {
  int64_t added_tokens = 0;  // rows after the tokenizer's own vocabulary
};

/// The input of one call of run() besides the hidden states: R rows of L tokens.
struct DecodeStep {
  /// [R,L] int64: 0 for a row's first real token, and so on; 1 for padding, which is on the left. Learned
  /// positions are looked up with these, never by place: hidden + look_up(position_table, step.positions).
  at::Tensor positions;
  /// For a prompt, for scores [R,1,L,L]: causal, except within a span of media, and never to padding (on the
  /// left). Tokens of padding attend to everything, and what they give is not used. Not set if
  /// cache->in_tail(), because attend_cached() then determines what is attended to.
  AttentionMask mask;
  KVCache* cache = nullptr;  // owned by the generation; null in training and in recording, which use no cache
  Probe* probe = nullptr;
  /// Made by the first call of run() of a decoder that needs it, for all ranges of layers.
  mutable std::optional<RotaryTable> rotary = {};
};

/// language_decoder: embed, ranges of layers, head. It has no state between calls and does not see pictures.
class FLAM_API LanguageDecoder : public Component {
 public:
  static constexpr const char* kKind = "language_decoder";
  using Input = DecoderInput;

  ~LanguageDecoder() override;
  virtual int64_t hidden_size() const = 0;
  virtual int64_t num_layers() const = 0;
  virtual int64_t vocab_size() const = 0;     // base rows, without added tokens
  virtual int64_t max_positions() const = 0;  // context length, tokens
  virtual CacheLayout cache_layout() const = 0;

  virtual at::Tensor embed(const at::Tensor& ids) const = 0;  // [R,L] int64 → [R,L,D]
  /// Layers [first, last) on hidden [R,L,D]; records "hidden_layer" K after layer K.
  virtual at::Tensor run(int64_t first, int64_t last, const at::Tensor& hidden,
                         const DecodeStep& step) const = 0;
  /// Final norm and output matrix: [...,D] → [...,vocab_size + added], followed by the padding rows that the
  /// output matrix of a file may have; records "final_norm".
  virtual at::Tensor head(const at::Tensor& hidden, Probe* probe) const = 0;
  virtual const std::vector<NamingTable>& naming_tables() const;
};

}  // namespace flam
