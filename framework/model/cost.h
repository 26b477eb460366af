#pragma once
// Parameters and FLOPs of an assembled model, counted on the meta device without any weights.

#include <string>
#include <utility>
#include <vector>

#include "framework/model/model.h"

namespace flam {

struct ModelCost {
  struct Part {
    std::string slot;  // "vision_backbone", "resampler", "adapter", "language_decoder", in this order
    int64_t parameters = 0;
    int64_t flops = 0;  // for one picture and the prompt
  };
  std::vector<Part> parts;
  int64_t parameters = 0;
  int64_t prompt_tokens = 0;
  int64_t positions =
      0;  // positions that the decoder runs for the prompt, with the media that an adapter inserts
  int64_t prompt_flops = 0;  // sum over the parts
  int64_t step_flops = 0;    // for each new token with one beam
};

/// The cost of one picture, laid out with the largest number of crops, and a prompt of `prompt_tokens`
/// tokens, which include one media marker. The model's weights must still be on the meta device, as
/// assemble() leaves them.
FLAM_API ModelCost count_cost(const Model& model, int64_t prompt_tokens);

/// The size in bytes of `parameters` weights for each dtype in which they can be loaded.
FLAM_API std::vector<std::pair<std::string, int64_t>> weight_bytes(int64_t parameters);

}  // namespace flam
