#pragma once
// Keys and values of a generation. Two segments: the prompt's, computed once for B rows and shared by all
// beams, and the tail of generated tokens, one row a beam. A beam step therefore moves only what was
// generated.

#include <ATen/core/Tensor.h>

#include <vector>

#include "framework/base/export.h"

namespace flam {

/// What a decoder keeps for every token.
struct CacheLayout {
  int64_t num_layers = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;
};

/// Preallocated; nothing grows in the decode loop.
///
/// Life: begin_prompt → one run over the prompt (append() per layer writes the prompt segment) → begin_tail →
/// steps, each one run (append() per layer writes at the tail's end) followed by advance(); reorder() after a
/// beam step.
class FLAM_API KVCache {
 public:
  /// What a step sees of the tail. growing: what was generated and its own tokens, no more than it must
  /// attend to. fixed: all room, written at a place that the device knows and masked behind it, so that every
  /// step queues the same work on the same memory; one token a step.
  enum class Tail { growing, fixed };

  KVCache(CacheLayout layout, int64_t batch, int64_t prompt_length, int64_t beams, int64_t max_new_tokens,
          at::TensorOptions options, Tail tail = Tail::growing);

  struct Segments {
    at::Tensor prompt_key, prompt_value;  // [B,H,Lp,d]
    at::Tensor tail_key,
        tail_value;  // [B·beams,H,Lt,d]; undefined while the prompt runs. fixed: Lt is the room
  };
  /// Stores key and value [R,H,L,d] of this call and returns everything that this layer may attend to.
  Segments append(int64_t layer, const at::Tensor& key, const at::Tensor& value);

  void begin_tail(at::Tensor prompt_mask);  // [B,Lp] bool: which prompt keys are real (not padding)
  void require_room(int64_t tokens) const;  // RunError: so many more don't fit
  void advance(int64_t tokens = 1);         // the run just done has added so many tokens to the tail
  void reorder(const at::Tensor& source);   // [B·beams] int64: row r continues what row source[r] generated

  bool in_tail() const { return in_tail_; }
  int64_t beams() const { return beams_; }
  int64_t tail_length() const { return tail_length_; }
  const at::Tensor& prompt_mask() const { return prompt_mask_; }
  /// [B,1,1,Lp] float32, added to scores: 0 for a real prompt key, the lowest float for padding.
  const at::Tensor& prompt_bias() const { return prompt_bias_; }
  /// Of a fixed tail: [Lt] float32, added to scores: 0 up to this step's token, −∞ behind it. Else undefined.
  at::Tensor tail_bias() const;

 private:
  CacheLayout layout_;
  int64_t batch_, prompt_length_, beams_, max_new_tokens_;
  at::TensorOptions options_;
  Tail tail_;
  std::vector<Segments> layers_;  // full capacity
  at::Tensor prompt_mask_, prompt_bias_;
  at::Tensor tail_end_, tail_bias_;  // of a fixed tail: [1] int64, tail_length_ on the device; [room + 1]
  int64_t tail_length_ = 0;
  bool in_tail_ = false;
};

}  // namespace flam
