#pragma once
// The command `flam convert`: writes an assembled model as one weights file with the names of this framework.

#include <cstdint>
#include <string>
#include <vector>

#include "framework/recipe/run_options.h"

namespace flam {

struct ConvertOptions {
  std::string config;
  RunOptions run;  // the dtype is that of the file
  std::string output;
  bool overwrite = false;           // replace the output if it exists
  bool initialise_missing = false;  // tensors that no file has get their initial values
  std::string naming;               // naming table of the one component that is written; "": SLOT.NAME
  std::vector<std::string> only;  // patterns of the tensors to write; empty: all. No file need have the rest
};

struct ConvertReport {
  int64_t tensors = 0, bytes = 0;
  std::vector<std::string> initialised;  // names of tensors that are in no file
};

/// Loads the weights as `flam infer` does, and writes every tensor as SLOT.NAME, which weights.files and
/// train.init_from read without a layout. Tied tensors are written once, and fused ones as one tensor. With
/// `naming`, the names are those of a published checkpoint, without the slot. The metadata hold the config's
/// name, the model's parameters, and the files with their SHA-256. Error: an option is invalid, the output
/// exists or is a file that is read, or tensors are missing that shall not be initialised, or a pattern of
/// `only` matches none. RunError: a value is too large for the dtype.
FLAM_API ConvertReport convert(const ConvertOptions& options);

}  // namespace flam
