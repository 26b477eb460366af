#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "framework/commands/describe/quantized_bytes.h"
#include "framework/model/model.h"
#include "framework/recipe/run_config.h"

namespace flam {

/// The structure of a model, determined on the meta device, without values of weights or a tokenizer file.
struct Description {
  struct Tensor {
    std::string name;
    std::vector<int64_t> shape;
    std::string scheme;  // "int4:32"; "": not quantised
  };
  struct Part {
    std::string slot, type;     // "resampler", "perceiver"
    std::string input, output;  // shapes as text
    int64_t parameters = 0;
    int64_t flops = 0;  // for the stated prompt
    std::vector<Tensor> tensors;
  };
  struct Layout {
    std::string type;  // "single"
    int64_t max_crops = 1, tile_slots = 1;
    std::string example;  // what stands in a prompt for a picture of 640×480 pixels
  };
  FLAM_API int64_t unused_parameters() const;  // the sum of `unused`

  std::string config;
  Layout layout;
  std::vector<Part> parts;
  int64_t parameters = 0;
  std::optional<QuantizedBytes> quantized;  // if weights.quantize asks for it, or the files have it
  std::vector<std::pair<std::string, int64_t>>
      unused;                 // tensors of the weights files that the model does not
                              // have, and their parameters (meta.unused_parameters)
  int64_t prompt_tokens = 0;  // FLOPs are for one picture, of max_crops crops, and this number of prompt
                              // tokens
  int64_t positions =
      0;  // positions that the decoder runs for the prompt, with the media that an adapter inserts
  int64_t prompt_flops = 0;  // sum over the parts
  int64_t step_flops = 0;    // for each new token with one beam
};

/// The files that a run would load; none for random weights, or if one of them does not exist. `chosen` is as
/// in RunOptions::weights. Error: a file that it names does not exist.
std::optional<WeightsConfig> existing_files(const RunConfig& config, const std::string& chosen);

/// `weights` is as in RunOptions. If its files exist, they say which matrices are quantised already. Error:
/// files that it names do not fit the model.
FLAM_API Description describe(const RunConfig& config, const Registry& registry, int64_t prompt_tokens,
                              const std::string& weights = "random");
FLAM_API std::string describe_text(const Description& description, bool tensors);
FLAM_API nlohmann::ordered_json describe_json(const Description& description);

}  // namespace flam
