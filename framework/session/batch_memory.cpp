#include "framework/session/batch_memory.h"

#include "framework/base/text.h"
#include "framework/device/device_memory.h"
#include "framework/device/free_memory.h"
#include "framework/model/kept_prompt.h"
#include "framework/model/memory_need.h"

namespace flam {

namespace {

void require(int64_t bytes, const std::string& what, const char* advice) {
  const int64_t room = allocatable_memory(at::kCPU);
  if (bytes <= room) return;
  throw OutOfMemory(cat("not enough memory: ", what, " need ", bytes_text(bytes), ", but only ",
                        bytes_text(room), " can be had; use ", advice));
}

}  // namespace

void require_memory_for_batch(const Model& model, const Batch& batch, int64_t beams, int64_t max_new_tokens) {
  if (!model.device().is_cpu()) return;
  const int64_t prompts = batch.ids.size(0), media = batch.media.defined() ? batch.media.size(1) : 0;
  const int64_t tokens = batch.ids.size(1) + (batch.kept ? batch.kept->positions() : 0);
  const int64_t new_tokens = prompts > 1 ? max_new_tokens : 0;
  const auto bytes_for = [&](int64_t positions) {
    return kv_cache_bytes(model.language_decoder().cache_layout(), model.dtype(), prompts, positions, beams,
                          new_tokens);
  };
  // An adapter inserts no more positions than there are media tokens; how many is only asked if it matters.
  if (bytes_for(tokens + media * model.media_tokens()) <= allocatable_memory(at::kCPU)) return;
  const int64_t positions = tokens + (media > 0 ? media * model.inserted_positions() : 0);
  const int64_t bytes = bytes_for(positions);
  require(bytes,
          cat("the keys and values of ", counted(prompts, "prompt"), " of ", counted(positions, "position"),
              ", each with ", counted(beams, "beam"), " of ", counted(max_new_tokens, "new token"), ","),
          prompts > 1 ? "a smaller --batch-size, fewer beams or a smaller --max-new-tokens"
                      : "fewer shots, a shorter text or --dtype bfloat16");
}

void require_memory_for_features(const Model& model, int64_t crops) {
  if (!model.device().is_cpu()) return;
  const FeatureShape shape = model.vision_backbone().shape();
  const int64_t bytes =
      2 * crops * shape.tokens() * shape.width * static_cast<int64_t>(c10::elementSize(model.dtype()));
  require(bytes, cat("the features of ", counted(crops, "crop"), " of pictures"),
          "a smaller --batch-size, fewer shots or --dtype bfloat16");
}

}  // namespace flam
