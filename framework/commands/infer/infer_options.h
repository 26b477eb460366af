#pragma once
// What the options of `flam infer` mean, and which of them exclude each other.

#include "framework/commands/infer/infer.h"
#include "framework/recipe/outputs.h"
#include "framework/session/task_kind.h"

namespace flam {

/// The config's generation, with the values that the options replace.
GenerationParams generation_of(const InferOptions& options, const RunConfig& config);

/// The files that are written. Error: two options name one file, or an option names an input.
Outputs outputs_of(const InferOptions& options);

/// Whether the options say only that a context should be saved.
bool only_saves(const InferOptions& options);

/// Error: the options of contexts exclude each other or others, or a context can't be saved at that path.
void check_context_options(const InferOptions& options);

/// Error: an option does not go with tasks of that kind, or the parameters contradict each other.
void check_options(const InferOptions& options, const GenerationParams& generation, TaskKind kind);

}  // namespace flam
