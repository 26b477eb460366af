#pragma once
// The types that components pass to one another.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "framework/component/marked_text.h"
#include "framework/media/picture.h"
#include "framework/nn/attention_mask.h"
#include "framework/params/params.h"

namespace flam {

/// One element of a request: text, one picture, or the frames of one video.
struct Part {
  enum class Kind { text, image, frames };
  Kind kind = Kind::text;
  std::string text;
  std::vector<PictureSource> pictures;  // image: one; frames: one a frame; as pictures or as features
  std::vector<double> timestamps = {};  // frames: when each was taken, seconds; empty: not known
  std::optional<double> duration = {};  // frames: length of the video, seconds
};

/// Who says the parts of a request from `begin` on, up to the next message.
struct Message {
  enum class Role { system, user, assistant };
  Role role = Role::user;
  size_t begin = 0;
};
FLAM_API const char* role_name(Message::Role role);

/// The only input of a Session: text, pictures and video in order. The task head decides what the parts mean
/// (shots, query, question), unless `messages` divides them into a conversation. The texts and candidates
/// come from a user and are literal text.
struct Request {
  std::vector<Part> parts;
  std::string id;
  std::string source;                   // where it is written, "file:line"; "" if it is not from a file
  std::vector<std::string> candidates;  // the answers to choose from; empty: the task head's own
  std::vector<Message> messages;        // in ascending order, the first at part 0; empty: no conversation
};

/// Text with one media marker (the tokenizer's image token) for each element of `media`, in order. Markers
/// are in template text only; an image token in literal text is plain text.
struct Prompt {
  MarkedText text;
  std::vector<Part> media;  // kind image or frames
};
/// Returns the prompt without the media elements from index `first` on, and without their markers.
FLAM_API Prompt without_media(Prompt prompt, std::string_view marker, size_t first = 0);

/// How ids are chosen. Names, meanings and defaults are those of Hugging Face's GenerationConfig unless said
/// otherwise.
struct FLAM_API GenerationParams {
  /// What the length for length_penalty counts besides the generated tokens: nothing, the tokens of the
  /// prompt, or these and the padding before them. With the last one, an answer depends on the longest prompt
  /// in its batch, as in Hugging Face up to 4.31.
  enum class BeamLength { generated, with_prompt, with_padded_prompt };
  /// What happens to a prompt that does not fit the decoder's context.
  enum class WhenTooLong { error, drop_shots };

  int64_t num_beams = 1;
  int64_t max_new_tokens = 20;
  int64_t min_new_tokens = 0;
  double length_penalty = 1.0;
  BeamLength beam_length = BeamLength::with_prompt;
  bool early_stopping = false;
  int64_t n_best = 1;
  double repetition_penalty = 1.0;
  int64_t no_repeat_ngram_size = 0;
  bool do_sample = false;
  double temperature = 1.0;
  int64_t top_k = 0;
  double top_p = 1.0;
  int64_t seed = 0;
  std::vector<std::string> stop_tokens = {"<|endofchunk|>"};
  std::vector<std::string> stop_strings;
  int64_t pad_token_id = 0;  // fills finished rows
  WhenTooLong when_too_long = WhenTooLong::error;
  bool suppress_padded_vocab = true;

  void visit(ParamVisitor& v);
};

enum class FinishReason { length, stop_token, stop_string, cancelled };
FLAM_API const char* finish_reason_name(FinishReason reason);

/// One generated sequence.
struct Hypothesis {
  std::vector<int64_t> ids;            // new ids, the end token included if it was chosen
  std::vector<double> token_logprobs;  // natural logarithm, one for each id, before any warping
  double logprob = 0;                  // their sum
  double score = 0;                    // beams: logprob after the length penalty; otherwise equal to logprob
  FinishReason finish = FinishReason::length;
  std::string text;  // decoded without special tokens, cut at a stop string
};

/// A candidate of a Score task, and how likely it is according to the model.
struct Candidate {
  std::string text;
  double logprob = 0;  // natural logarithm: the sum over its tokens, or their mean
  double score = 0;    // used for ranking: logprob minus that after the calibration prompt, if there is one
  double probability = 0;  // among the candidates: the softmax of their scores
};

/// The output of the model for one prompt.
struct Result {
  std::vector<Hypothesis> hypotheses;  // of a Generate task: best first; samples in the order drawn
  std::vector<Candidate> candidates;   // of a Score task, in its order
};
/// Returns the index of the candidate with the highest score, the first one if several are equal. There must
/// be a candidate.
FLAM_API size_t best_candidate(const Result& result);

/// A task: generate from a prompt, or score candidates after it.
struct Generate {
  Prompt prompt;
};
struct Score {
  enum class LengthNormalization { sum, mean };

  Prompt prompt;
  std::vector<std::string> candidates;  // literal text
  std::string end;                      // template text after every candidate, which is scored with it
  LengthNormalization length_normalization = LengthNormalization::mean;
  std::optional<Prompt> calibration;  // an image-free prompt whose log-likelihoods are subtracted
};
using Task = std::variant<Generate, Score>;
FLAM_API const Prompt& prompt_of(const Task& task);

/// The fields of an answer in order, e.g. {{"pred_caption", "a red circle"}}.
using Answer = std::vector<std::pair<std::string, std::string>>;

/// Records every stage of a forward pass, under these names: "vision_features", "media_tokens", "embed",
/// "xattn_out_layer" (layer K), "hidden_layer" (K), "final_norm", "logits"; a resampler may add
/// stages of its own. Attention weights are recorded
/// only if wants_attention() is true, because fused kernels do not compute them: "resampler_attention" (K)
/// [B·T,H,L,S] with the F·P feature tokens first in S, and "adapter_attention" (K) [B,H,text,T·L].
class FLAM_API Probe {
 public:
  virtual ~Probe();
  virtual void record(std::string_view stage, int64_t layer, const at::Tensor& value) = 0;  // layer −1: none
  virtual bool wants_attention() const { return false; }
};

/// Patch features of N pictures (or [B,T,F] of them): tokens [N,P,D] or [B,T,F,P,D]; P = prefix_tokens +
/// grid_h·grid_w, the prefix (class, register tokens) first.
struct Features {
  at::Tensor tokens;
  int64_t grid_h = 0, grid_w = 0, prefix_tokens = 0;
  Probe* probe = nullptr;  // of this call, may be null
};

/// The shape of features, known at assembly: P tokens of width D.
struct FeatureShape {
  int64_t width = 0;
  int64_t grid_h = 0, grid_w = 0, prefix_tokens = 0;
  int64_t tokens() const { return prefix_tokens + grid_h * grid_w; }
};

/// The shape of media tokens, known at assembly: `tokens` tokens of width `width` for each image.
struct MediaShape {
  int64_t tokens = 0;
  int64_t width = 0;
};

/// Media positions of a batch of token rows and which image each token may see. It is also computed for
/// cached steps, so that adapters do not implement the masking rules of each reference.
struct Visibility {
  at::Tensor text_time;  // [B,L] int64: 0: the token sees no image; k: it sees the k-th image, counted from
                         // 1; above the number of images: no image matches, and the token averages uniformly
                         // over all media tokens (OpenFlamingo v1)
  bool sees_nothing = false;  // true if it is known without reading the tensor that text_time is 0
                              // everywhere, so attention may be skipped; there is then no mask
  Probe* probe = nullptr;     // of this call, may be null
  // Computed once for all layers; undefined without media:
  AttentionMask media_mask = {};  // [B,L,T·L_media]: the media tokens that each token sees
  at::Tensor sees_none = {};      // [B,L,1] bool: text_time is 0
};

}  // namespace flam
