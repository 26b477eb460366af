#pragma once
#include <filesystem>
#include <functional>

#include "framework/recipe/run_config.h"

namespace flam {

using FileVisitor = std::function<void(const std::filesystem::path&)>;

/// What any run of a config reads besides weights: the files that its values were written in, and those that
/// the tokenizer's parameters may name. Not all of them need exist.
FLAM_API void each_input_file(const RunConfig& config, const FileVisitor& visit);

/// Every text among a component's parameters as a path below `folder`.
FLAM_API void each_text_as_path(const Value& component, const std::filesystem::path& folder,
                                const FileVisitor& visit);

}  // namespace flam
