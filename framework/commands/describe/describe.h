#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "framework/model/model.h"
#include "framework/recipe/run_config.h"

namespace flam {

/// What a model is made of, found without weights or tokenizer file: everything runs on the meta device.
struct Description {
  struct Tensor {
    std::string name;
    std::vector<int64_t> shape;
  };
  struct Part {
    std::string slot, type;     // "resampler", "perceiver"
    std::string input, output;  // shapes in words
    int64_t parameters = 0;
    int64_t flops = 0;  // for the stated prompt
    std::vector<Tensor> tensors;
  };
  std::string config;
  std::vector<Part> parts;
  int64_t parameters = 0;
  int64_t prompt_tokens = 0;  // FLOPs are for one picture and so many prompt tokens
  int64_t positions = 0;      // that the decoder runs for them: media may stand among the tokens
  int64_t prompt_flops = 0;   // all of the above
  int64_t step_flops = 0;     // one more token, one beam
};

FLAM_API Description describe(const RunConfig& config, const Registry& registry, int64_t prompt_tokens);
FLAM_API std::string describe_text(const Description& description, bool tensors);
FLAM_API nlohmann::ordered_json describe_json(const Description& description);

}  // namespace flam
