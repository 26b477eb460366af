#pragma once
// What an assembled model costs, counted on the meta device: no weight is needed.

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
  int64_t positions = 0;     // that the decoder runs for them: media may stand among the tokens
  int64_t prompt_flops = 0;  // of all parts
  int64_t step_flops = 0;    // one more token, one beam
};

/// Of one picture and `prompt_tokens` tokens. The model's weights must be on the meta device, as assemble()
/// leaves them.
FLAM_API ModelCost count_cost(const Model& model, int64_t prompt_tokens);

/// Bytes of so many parameters by the name of the dtype in which they are loaded.
FLAM_API std::vector<std::pair<std::string, int64_t>> weight_bytes(int64_t parameters);

}  // namespace flam
