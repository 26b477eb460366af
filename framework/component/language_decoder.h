#pragma once
#include "framework/component/types.h"
#include "framework/nn/kv_cache.h"
#include "framework/registry/component.h"
#include "framework/weights/naming.h"

namespace flam {

/// What a decoder is built for.
struct DecoderInput {
  int64_t added_tokens = 0;  // rows behind the tokenizer's own vocabulary
};

/// What one call of run() works on: R rows of L tokens.
struct DecodeStep {
  at::Tensor positions;  // [R,L] int64
  /// Of a prompt: [R,1,L,L] bool, true = attends: causal, but within a span of media; no padding (on the
  /// left). Undefined in the cache's tail: attend_cached() knows what is seen.
  at::Tensor mask;
  KVCache* cache = nullptr;  // owned by the generation; null when training or recording everything at once
  Probe* probe = nullptr;
};

/// language_decoder: embed, ranges of layers, head. Owns no state and knows nothing of vision.
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
  /// Final norm and output matrix: [...,D] → [...,vocab_size + added], and behind these the rows of padding
  /// that a file's output matrix may have; records "final_norm".
  virtual at::Tensor head(const at::Tensor& hidden, Probe* probe) const = 0;
  virtual const std::vector<NamingTable>& naming_tables() const;
};

}  // namespace flam
