#pragma once
#include <string>

#include "framework/config/value.h"

namespace flam {

/// The task head for a Jinja chat template, which must be one of those in chat_templates/. Templates are
/// equal if they differ only in comments, in spaces within their tags, and in the marks of training ({%
/// generation %}). Error at `where`: the template is not known; the message has its beginning.
FLAM_API Value task_head_for(const std::string& jinja, const Location& where);

/// The task head of a file in chat_templates/, such as "llava".
Value task_head_named(const std::string& name);

}  // namespace flam
