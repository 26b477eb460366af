#pragma once
// Records the attention and the probabilities of an answer.

#include <map>
#include <span>
#include <string>
#include <vector>

#include "framework/session/session_parts.h"

namespace flam {

/// One prompt and its answer, run again without a cache.
struct Recording {
  std::vector<int64_t> ids;   // [S] prompt, then the answer's N ids
  int64_t prompt_tokens = 0;  // S − N
  std::vector<double>
      logprobs;  // [N] natural logarithm of the probability of each id of the answer, given all previous ids
  Prepared media;  // pixels, index [1,T,F] and frames [1,T] of the pictures
  /// Layer → float32 [T,H,L,F·P + L]: the attention of each latent to each feature token of its picture or
  /// video, and to the latents. Empty if the resampler has no attention.
  std::map<int64_t, at::Tensor> resampler_attention;
  /// Layer → float32 [H,S,T·L]: the attention of each token to each media token. Empty if the adapter has
  /// none.
  std::map<int64_t, at::Tensor> adapter_attention;
};

/// Runs prompt and answer in one forward pass without a cache, so that the attention does not depend on batch
/// or beams. Error: prompt and answer don't fit the context.
FLAM_API Recording record_answer(const Session& session, const Prompt& prompt,
                                 std::span<const int64_t> answer);

/// Writes the recording as a safetensors file: "ids" [S], "logprobs" [N], "resampler_attention_layerK",
/// "adapter_attention_layerK"; metadata: config, prompt_tokens, the pieces of text as a JSON list, the patch
/// grid.
FLAM_API void write_recording(const std::filesystem::path& file, const Recording& recording,
                              const Session& session);

/// The prompt that the task head builds for a request. Error: the task head rejects the request.
FLAM_API Prompt prompt_of(const Session& session, const Request& request);

}  // namespace flam
