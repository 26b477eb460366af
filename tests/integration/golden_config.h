#pragma once
// A config for a folder of stored reference cases, made from its model.json.

#include <filesystem>
#include <string>
#include <vector>

namespace flam::test {

/// Which of the equal files of the folder the weights come from.
struct GoldenVariant {
  std::string vision = "mmpretrain";  // mmpretrain, openai, huggingface
  std::string decoder = "llama";      // file or folder below the golden folder
};

/// FLAM_GOLDEN_DIR, or tests/golden.
std::filesystem::path golden_root();

/// The folder's prompt cases: stems of NAME.json that hold `prompts` and have NAME.safetensors beside them,
/// sorted.
std::vector<std::string> prompt_cases(const std::filesystem::path& folder);

/// YAML text of the config that case `name` needs.
std::string golden_config(const std::filesystem::path& folder, const std::string& name,
                          const GoldenVariant& variant = {});

/// Writes golden_config() to a file of its own below `scratch` and returns it.
std::filesystem::path write_golden_config(const std::filesystem::path& scratch,
                                          const std::filesystem::path& folder, const std::string& name,
                                          const GoldenVariant& variant = {});

}  // namespace flam::test
