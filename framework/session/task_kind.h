#pragma once
#include "framework/component/task_head.h"

namespace flam {

/// What a head makes of requests.
enum class TaskKind { generate, score, unknown };

/// The kind of task that the head makes of a picture, with a question if it needs one and candidates if it
/// takes them. Found without a model, and before there is a request. unknown: the head refuses that, also
/// after an example.
FLAM_API TaskKind task_kind(const TaskHead& head);

/// Error: the parameters contradict each other, and the head makes tasks for which they are used.
FLAM_API void check_generation(const GenerationParams& params, const TaskHead& head);

}  // namespace flam
