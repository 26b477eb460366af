#pragma once
#include <string>

#include "framework/config/value.h"
#include "framework/recipe/import/token_names.h"

namespace flam {

/// The task head for a Jinja chat template, which must be one of those in chat_templates/. Templates are
/// equal if they differ only in comments, in spaces within their tags, and in the marks of training ({%
/// generation %}). Error at `where`: the template is not known; the message has its beginning.
FLAM_API Value task_head_for(const std::string& jinja, const Location& where);

/// The task head of a file in chat_templates/, such as "llava". Error: there is no such file; the message
/// lists those that there are.
Value task_head_named(const std::string& name);

/// Warns of texts such as "<end_of_utterance>" that a chat task head writes between messages and that are no
/// tokens of the tokenizer in `folder`.
void warn_of_markers(const Value& task_head, const TokenNames& tokens, const std::string& folder);

}  // namespace flam
