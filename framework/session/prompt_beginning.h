#pragma once
// What the prompts of all requests with the same shots begin with.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "framework/component/task_head.h"
#include "framework/component/tokenizer.h"

namespace flam {

/// The text and media that the task head puts before every query after these shots, as far as no text of a
/// query changes them. It is found by asking the head for prompts of several queries. Error: the head rejects
/// the shots.
Prompt prompt_beginning(const TaskHead& head, const Request& shots, const std::string& image_token);

/// How many of `ids` may be kept for every text that continues them: those up to the last special token,
/// which no tokenizer joins with what follows.
size_t settled_ids(const std::vector<int64_t>& ids, const Tokenizer& tokenizer);

/// Whether two parts are the same text or have the same sources of pictures.
bool same_part(const Part& a, const Part& b);

}  // namespace flam
