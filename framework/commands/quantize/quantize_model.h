#pragma once
// The command `flam quantize`: writes an assembled model as one weights file with quantised matrices.

#include <cstdint>
#include <string>
#include <vector>

#include "framework/recipe/run_options.h"
#include "framework/weights/quantize_weights.h"

namespace flam {

struct QuantizeOptions {
  std::string config;
  RunOptions run;  // what is quantised, and the dtype of everything else
  std::string output;
  bool overwrite = false;  // replace the output if it exists
};

struct QuantizeReport {
  int64_t matrices = 0, tensors = 0, bytes = 0;  // quantised matrices, and all tensors of the file
  std::vector<NotQuantized> left;                // matrices that do not fit their scheme
};

/// Loads the weights as `flam infer` does, quantised, and writes every tensor as SLOT.NAME. A run with this
/// file maps the matrices and uses them as they are. Error: nothing is to be quantised, an option is invalid,
/// or the output exists or is a file that is read.
FLAM_API QuantizeReport quantize_model(const QuantizeOptions& options);

}  // namespace flam
