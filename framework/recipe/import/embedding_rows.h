#pragma once
#include <filesystem>

#include "framework/config/value.h"

namespace flam {

/// Compares the `vocab_size` of a model folder with the rows of the embedding in its weights, as transformers
/// does when it loads them. Error at `vocab_size`: they differ. Weights that are missing or can't be opened
/// are not compared, because loading them says why.
void check_embedding_rows(const std::filesystem::path& folder, const Value& vocab_size);

}  // namespace flam
