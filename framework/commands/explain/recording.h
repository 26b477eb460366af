#pragma once
// What the model looked at while it gave an answer, and how sure it was.

#include <map>
#include <span>
#include <string>
#include <vector>

#include "framework/session/session_parts.h"

namespace flam {

/// One request with one answer, run once more without a cache.
struct Recording {
  std::vector<int64_t> ids;      // [S] prompt, then the answer's N ids
  int64_t prompt_tokens = 0;     // S − N
  std::vector<double> logprobs;  // [N] natural logarithm of each id of the answer, given all before it
  Prepared media;                // pixels, index [1,T,F] and frames [1,T] of the pictures
  /// Layer → float32 [T,H,L,F·P + L]: what each latent gives to each feature token of its picture or video,
  /// and to the latents. Empty if the resampler has no attention of its own.
  std::map<int64_t, at::Tensor> resampler_attention;
  /// Layer → float32 [H,S,T·L]: what each token gives to each media token. Empty if the adapter has none.
  std::map<int64_t, at::Tensor> adapter_attention;
};

/// Runs prompt and answer as one uncached forward, so that what token i looked at is what it would look at in
/// any batch and at any beam. Error: the prompt does not fit.
FLAM_API Recording record_answer(const Session& session, const Prompt& prompt,
                                 std::span<const int64_t> answer);

/// As a safetensors file: "ids" [S], "logprobs" [N], "resampler_attention_layerK",
/// "adapter_attention_layerK"; metadata: config, prompt_tokens, the pieces of text as a JSON list, the patch
/// grid.
FLAM_API void write_recording(const std::filesystem::path& file, const Recording& recording,
                              const Session& session);

/// The prompt of a task that generates. Error: one that scores.
FLAM_API Prompt prompt_of(const Session& session, const Request& request);

}  // namespace flam
