#include "framework/request/message_json.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/request/video_json.h"

namespace flam {

using Json = nlohmann::ordered_json;

namespace {

Message::Role role_of(const nlohmann::json& name) {
  std::string text = name.is_string() ? name.get<std::string>() : "";
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const auto role : {Message::Role::system, Message::Role::user, Message::Role::assistant}) {
    if (text == role_name(role)) return role;
  }
  throw Error(cat("the role ", printable(name.dump()), " (known: system, user, assistant)"));
}

/// {"type": "image", "image": FILE}, with "path" or "url" in place of "image", or
/// {"type": "image_url", "image_url": {"url": FILE}}.
const nlohmann::json* image_path(const nlohmann::json& item) {
  for (const char* key : {"image", "path", "url", "image_url"}) {
    const auto found = item.find(key);
    if (found == item.end()) continue;
    if (!found->is_object()) return &*found;
    refuse_other_keys(*found, {"url", "detail"}, cat("`", key, "`"));  // `detail` has no effect
    return found->contains("url") ? &(*found)["url"] : nullptr;
  }
  return nullptr;
}

Part part_of(const nlohmann::json& item,
             const std::function<PictureSource(const nlohmann::json& path)>& picture) {
  const std::string type = item.is_object() && item.contains("type") && item["type"].is_string()
                               ? item["type"].get<std::string>()
                               : "";
  std::vector<std::string> known = {"type"};
  if (type == "text") known.emplace_back("text");
  if (type == "image" || type == "image_url")
    known.insert(known.end(), {"image", "path", "url", "image_url"});
  if (type == "video") known.insert(known.end(), std::begin(kVideoKeys), std::end(kVideoKeys));
  if (known.size() > 1) refuse_other_keys(item, known, cat("content of the type '", type, "'"));
  if (type == "text" && item.contains("text") && item["text"].is_string())
    return {Part::Kind::text, item["text"].get<std::string>(), {}};
  const nlohmann::json* path = type == "image" || type == "image_url" ? image_path(item) : nullptr;
  if (path) {
    const std::string name = path->is_string() ? path->get<std::string>() : "";
    for (const char* scheme : {"http:", "https:", "data:"}) {
      if (name.starts_with(scheme))
        throw Error(cat("URLs are not fetched, found ", quoted(name), "; name a file"));
    }
    return {Part::Kind::image, "", {picture(*path)}};
  }
  if (type == "video" && (item.contains("frames") || item.contains("video")))
    return video_part(item, picture);
  throw Error(
      cat("unusable content ", quoted(item.dump()),
          "; each has a type: {\"type\": \"text\", \"text\": TEXT}, {\"type\": \"image\", \"image\": FILE}, "
          "{\"type\": \"video\", \"video\": FILE} or {\"type\": \"video\", \"frames\": [FILE, …], "
          "\"fps\": NUMBER}"));
}

}  // namespace

void add_messages(const nlohmann::json& list,
                  const std::function<PictureSource(const nlohmann::json& path)>& picture, Request& request) {
  if (list.empty()) throw Error("`messages` is empty");
  for (const nlohmann::json& message : list) {
    if (message.is_object()) refuse_other_keys(message, {"role", "content"}, "a message");
    if (!message.is_object() || !message.contains("role") || !message.contains("content"))
      throw Error(cat("each message has a `role` and a `content`, found ", quoted(message.dump())));
    request.messages.push_back({role_of(message["role"]), request.parts.size()});
    const nlohmann::json& content = message["content"];
    if (content.is_string()) {
      request.parts.push_back({Part::Kind::text, content.get<std::string>(), {}});
      continue;
    }
    if (!content.is_array() || content.empty())
      throw Error(
          cat("`content` must be a text or a list that is not empty, found ", quoted(content.dump())));
    for (const nlohmann::json& item : content) request.parts.push_back(part_of(item, picture));
  }
}

Json messages_json(const Request& request, const Json& parts) {
  Json out = Json::array();
  for (size_t i = 0; i < request.messages.size(); ++i) {
    const size_t end = i + 1 < request.messages.size() ? request.messages[i + 1].begin : request.parts.size();
    Json content = Json::array();
    for (size_t part = request.messages[i].begin; part < end; ++part) {
      const char* types[] = {"text", "image", "video"};  // Part::Kind
      Json item = {{"type", types[static_cast<int>(request.parts[part].kind)]}};
      item.update(parts[part]);
      content.push_back(std::move(item));
    }
    out.push_back({{"role", role_name(request.messages[i].role)}, {"content", std::move(content)}});
  }
  return out;
}

}  // namespace flam
