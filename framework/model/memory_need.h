#pragma once
// The memory that a run needs, predicted on the meta device from shapes alone.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "framework/model/model.h"
#include "framework/weights/weight_memory.h"

namespace flam {

/// What a model computes at once.
struct RunSize {
  int64_t batch_size = 1;      // prompts
  int64_t num_beams = 1;       // of each prompt: beams or samples
  int64_t prompt_tokens = 32;  // of each prompt, one of which stands for each picture
  int64_t images = 1;          // pictures of each prompt
  int64_t new_tokens = 20;     // most for each beam
};

/// All in bytes.
struct FLAM_API MemoryNeed {
  struct Stage {
    std::string name;   // "vision", "resampler", "prefill" or "decode_step"
    int64_t bytes = 0;  // the most that exists at one time on the model's device, besides the weights
    int64_t host = 0;   // and in the memory of the host: the pixels of pictures
  };

  WeightMemory weights;           // of a run on the CPU
  int64_t weights_on_device = 0;  // of a run on a device, which maps nothing
  int64_t program = 0;            // libtorch, plugins and buffers of their products, in the host's memory
  int64_t kv_cache = 0;           // of all prompts and beams
  int64_t media_keys_values = 0;  // what the adapter keeps of the media
  std::vector<Stage> stages;      // `bytes` include the two above where they exist

  const Stage& largest_stage() const;
  /// The peak of the process's resident memory in a run on the CPU.
  int64_t resident() const;
  /// The peak of the device's allocator in a run on a device.
  int64_t on_device() const;
};

/// The bytes of the keys and values of a generation: `positions` of each prompt once, and `new_tokens` for
/// each beam.
FLAM_API int64_t kv_cache_bytes(const CacheLayout& layout, at::ScalarType dtype, int64_t prompts,
                                int64_t positions, int64_t beams, int64_t new_tokens);

/// The need of a run in `dtype`, for weights from `files` or, if it is null, with initial values. The weights
/// of `model` must be on the meta device, as assemble() leaves them. Every picture is counted with the crops
/// of `plan`. Error: the prompt has no room for its pictures, or does not fit the decoder's context.
FLAM_API MemoryNeed memory_need(Model& model, const WeightsConfig* files, at::ScalarType dtype,
                                const RunSize& size, const MediaPlan& plan);

/// The naming tables of a model's components, for functions that plan the loading of its weights. The model
/// must outlive them.
FLAM_API NamingLookup namings_of(const Model& model);

/// memory_of_weights() of a model.
FLAM_API WeightMemory weight_memory(const Model& model, const WeightsConfig* files, at::Device device,
                                    at::ScalarType dtype);

/// The plan with the largest number of crops.
FLAM_API MediaPlan largest_plan(const MediaLayout& layout);

/// Error: as require_memory_for_weights(), for a model that assemble() has made.
FLAM_API void require_memory(const Model& model, const WeightsConfig* files, at::Device device,
                             at::ScalarType dtype, int64_t more = 0, const char* what_more = "");

/// Whether the device can give what must be allocated, if the prediction is a tenth too high.
FLAM_API bool fits(const MemoryNeed& need, at::Device device);

/// Error: the run does not fit. The message says what the memory is for, and what would make it fit.
FLAM_API void require_memory(const MemoryNeed& need, const RunSize& size, at::Device device,
                             at::ScalarType dtype);

}  // namespace flam
