#pragma once
// Conversations as JSON, in the form of OpenAI's chat completions and of Hugging Face's chat templates:
// [{"role": "user", "content": TEXT or [{"type": "image", "image": FILE}, {"type": "text", "text": TEXT}]}].

#include <functional>
#include <nlohmann/json_fwd.hpp>

#include "framework/component/types.h"

namespace flam {

/// Appends the messages of a list to a request. `picture` makes a picture of the JSON of its path. Error: a
/// message is malformed; the message of the error does not say where.
void add_messages(const nlohmann::json& list,
                  const std::function<PictureSource(const nlohmann::json& path)>& picture, Request& request);

/// The messages of a request as the JSON that add_messages() reads; parts[i] is the JSON of its i-th part.
nlohmann::ordered_json messages_json(const Request& request, const nlohmann::ordered_json& parts);

}  // namespace flam
