#include "framework/recipe/weights_files.h"

#include <filesystem>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/weights/formats/gguf.h"

namespace flam {

namespace {

constexpr const char* kAdvice =
    "use --set weights.root=DIR to name the folder with the model's weights and tokenizer, or --weights "
    "random for random weights";

std::string advice_for(const WeightsFile& file, const std::string& advice = kAdvice) {
  return file.if_missing.empty() ? advice : file.if_missing;
}

/// Whether a folder has one of the files that open_checkpoint() looks for. A folder that can't be read
/// counts, because opening it says why.
bool holds_checkpoint(const std::filesystem::path& folder) {
  for (const char* name : {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                           "pytorch_model.bin.index.json"}) {
    std::error_code unreadable;
    if (std::filesystem::exists(folder / name, unreadable) || unreadable) return true;
  }
  return false;
}

}  // namespace

WeightsConfig weights_files(const RunConfig& config, const std::string& chosen) {
  if (chosen.empty()) {
    if (!config.weights.files.empty()) return config.weights;
    throw Error(
        "the config names no weights; use --weights FILE, set weights.files, or try the model with "
        "--weights random");
  }
  std::error_code ignored;
  if (std::filesystem::is_regular_file(chosen, ignored) && is_gguf(MappedFile::open(chosen)->bytes())) {
    throw Error(
        cat("--weights ", quoted(chosen),
            " is a GGUF file, which names its tensors in its own way and holds a language decoder alone; "
            "add it to weights.files of a config with `layout: [{prefix: '', slot: language_decoder, "
            "naming: gguf}]`, beside the files of the other parts (docs/weights.md)"));
  }
  WeightsConfig weights;
  weights.files.push_back({std::filesystem::absolute(chosen).string(), {}, {}, {}, {}});
  return weights;
}

std::string missing_file_advice(const WeightsConfig& weights, const std::string& file) {
  for (const WeightsFile& other : weights.files) {
    if (other.path == file) return advice_for(other);
  }
  return kAdvice;
}

void require_files(const WeightsConfig& weights, const std::string& advice) {
  ErrorList errors;
  for (const WeightsFile& file : weights.files) {
    const std::filesystem::path path = weights.path_of(file);
    std::error_code problem;
    const bool exists = std::filesystem::exists(path, problem);
    const bool is_folder = std::filesystem::is_directory(path, problem);
    if (is_folder ? holds_checkpoint(path) : exists) continue;
    errors.add(file.where,
               cat(is_folder ? "no weights in the folder " : "no weights file ", quoted(path.string()),
                   path == file.path ? "" : cat(" (", quoted(file.path), " below weights.root)"), "; ",
                   advice_for(file, advice.empty() ? kAdvice : advice)));
  }
  errors.throw_if_any();
}

}  // namespace flam
