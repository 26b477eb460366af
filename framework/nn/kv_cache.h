#pragma once
// The keys and values of a generation, in two segments: the prompt's, computed once for B rows and shared by
// all beams, and the tail of generated tokens, with one row per beam. Reordering beams therefore moves only
// the tail.

#include <ATen/core/Tensor.h>

#include <vector>

#include "framework/base/export.h"
#include "framework/nn/attention_mask.h"

namespace flam {

/// The shape of what a decoder keeps for every token.
struct CacheLayout {
  int64_t num_layers = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;
};

/// Memory is allocated in advance; nothing is allocated in the decode loop.
///
/// Order of calls: one run over the prompt (append() of each layer writes the prompt segment)
/// → begin_tail → steps, each one run (append() of each layer writes at the tail's end) and then advance();
/// reorder() after a beam step. After restart(), all of it again.
///
/// A prompt whose beginning was run before, by another cache: continue_prompt() comes first, and the run has
/// the rest of the prompt.
class FLAM_API KVCache {
 public:
  /// The part of the tail that a step gets. growing: the generated tokens and its own, which is just what it
  /// attends to. fixed: the whole room; the place to write to is kept on the device, and everything after it
  /// is masked, so that every step queues the same work on the same memory. One token per step.
  enum class Tail { growing, fixed };

  KVCache(CacheLayout layout, int64_t batch, int64_t prompt_length, int64_t beams, int64_t max_new_tokens,
          at::TensorOptions options, Tail tail = Tail::growing);

  struct Segments {
    at::Tensor prompt_key, prompt_value;  // [B,H,Lp,d]
    at::Tensor tail_key,
        tail_value;         // [B·beams,H,Lt,d]; undefined while the prompt runs. fixed: Lt is the capacity
    at::Tensor key, value;  // of one beam: both segments as one, [B,H,Lp+Lt,d]; else undefined
  };
  /// Stores key and value [R,H,L,d] of this call. Returns everything that this layer may attend to.
  Segments append(int64_t layer, const at::Tensor& key, const at::Tensor& value);

  /// The prompts begin with `kept` [layers,2,1,H,Lk,d], which prompts() of another cache gave. The next run
  /// has the tokens after these, and `mask`, for scores [B,1,Lp−Lk,Lp], says to which tokens of the whole
  /// prompt each of them attends.
  void continue_prompt(const at::Tensor& kept, AttentionMask mask);
  /// The keys and values of the prompts, [layers,2,B,H,Lp,d].
  const at::Tensor& prompts() const { return prompts_; }
  void begin_tail(at::Tensor prompt_mask);  // [B,Lp] bool: which prompt keys are real (not padding)
  /// Forgets all tokens, for other prompts of the same length. The tensors of a fixed tail stay where they
  /// are.
  void restart();
  void require_room(int64_t tokens) const;  // RunError: that many more tokens don't fit
  void advance(int64_t tokens = 1);         // the last run added that many tokens to the tail
  void reorder(const at::Tensor& source);   // [B·beams] int64: row r continues the tokens of row source[r]

  /// Whether attend_cached() computes what the next run attends to: in the tail, and in the rest of a prompt
  /// whose beginning is kept.
  bool in_tail() const { return in_tail_ || continued_mask_.allowed.defined(); }
  /// The mask of continue_prompt() until the tail begins; else undefined.
  const AttentionMask& continued_mask() const { return continued_mask_; }
  int64_t beams() const { return beams_; }
  int64_t tail_length() const { return tail_length_; }
  const at::Tensor& prompt_mask() const { return prompt_mask_; }
  /// [B,1,1,Lp], added to scores: 0 for a real prompt key, a very low number for padding. In float32 on a
  /// CPU, else in the cache's dtype.
  const at::Tensor& prompt_bias() const { return prompt_bias_; }
  /// For a fixed tail: [1,1,1,Lt], added to scores: 0 up to this step's token, −∞ after it. Else undefined.
  at::Tensor tail_bias() const;
  /// [B,1,1,keys], added to scores of the prompt's keys and as many of the tail's as follow.
  at::Tensor bias(int64_t keys) const { return bias_.narrow(3, 0, keys); }

 private:
  CacheLayout layout_;
  int64_t batch_, prompt_length_, beams_, max_new_tokens_;
  at::TensorOptions options_;
  Tail tail_;
  std::vector<Segments> layers_;  // full capacity; views of one tensor
  at::Tensor prompt_mask_, prompt_bias_;
  at::Tensor tail_end_,
      tail_bias_;  // for a fixed tail: [1] int64, tail_length_ on the device; [B,1,1,room + 1]
  int64_t tail_length_ = 0;
  bool in_tail_ = false;
  at::Tensor prompts_;            // of all layers, [layers,2,B,H,Lp,d]
  AttentionMask continued_mask_;  // set while the rest of a prompt runs
  at::Tensor tails_;              // the tails of all layers, [layers,2,B·beams,H,room,d]
  at::Tensor bias_;               // [B,1,1,Lp + room + 1]
};

}  // namespace flam
