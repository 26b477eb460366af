#pragma once
#include <filesystem>
#include <functional>

#include "framework/recipe/run_config.h"

namespace flam {

using FileVisitor = std::function<void(const std::filesystem::path&)>;

/// Visits every file besides the weights that a run of the config may read: the config files that its values
/// come from, and the files that the tokenizer's parameters may name. Some of them may not exist.
FLAM_API void each_input_file(const RunConfig& config, const FileVisitor& visit);

/// Visits every string parameter of a component as a path relative to `folder`.
FLAM_API void each_text_as_path(const Value& component, const std::filesystem::path& folder,
                                const FileVisitor& visit);

}  // namespace flam
