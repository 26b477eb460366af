#include "framework/request/request_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "framework/base/text.h"
#include "framework/report/path_text.h"
#include "framework/request/message_json.h"
#include "framework/request/video_json.h"

namespace flam {

namespace {
constexpr size_t kMostCandidates = 10'000;
}  // namespace

using Json = nlohmann::ordered_json;

Json request_json(const Request& request) {
  const auto name = [](const PictureSource& picture) { return path_text(picture.name()); };
  Json parts = Json::array();
  for (const Part& part : request.parts) {
    if (part.kind == Part::Kind::text) {
      parts.push_back({{"text", part.text}});
    } else if (part.kind == Part::Kind::image) {
      parts.push_back({{"image", name(part.pictures.front())}});
    } else {
      parts.push_back(video_json(part, name));
    }
  }
  Json out;
  if (!request.id.empty()) out["id"] = request.id;
  if (request.messages.empty()) {
    out["parts"] = parts;
  } else {
    out["messages"] = messages_json(request, parts);
  }
  if (!request.candidates.empty()) out["candidates"] = request.candidates;
  return out;
}

namespace {

Part part_of(const nlohmann::json& part,
             const std::function<PictureSource(const nlohmann::json& path)>& picture) {
  const bool is_video = part.is_object() && (part.contains("frames") || part.contains("video"));
  if (!is_video) {
    const bool has_text = part.is_object() && part.contains("text");
    const bool has_image = part.is_object() && part.contains("image");
    if (has_text == has_image) {
      throw Error(cat("each part has exactly one of `text`, `image`, `video`, `frames`, found ",
                      quoted(part.dump())));
    }
    refuse_other_keys(part, {has_text ? "text" : "image"}, has_text ? "a text" : "a picture");
  }
  if (!is_video && part.contains("text") && part["text"].is_string())
    return {Part::Kind::text, part["text"].get<std::string>(), {}};
  if (!is_video && part.contains("image")) return {Part::Kind::image, "", {picture(part["image"])}};
  if (!is_video) throw Error(cat("`text` of a part must be a text, found ", quoted(part["text"].dump())));
  refuse_other_keys(part, {std::begin(kVideoKeys), std::end(kVideoKeys)}, "a video");
  return video_part(part, picture);
}

}  // namespace

Request parse_request(const std::string& json_line, const std::filesystem::path& folder,
                      const Location& where) {
  const auto fail = [&](const std::string& what) -> Error {
    return Error(
        where,
        cat("not a request: ", what,
            "; expected {\"parts\": [{\"text\": …}, {\"image\": FILE}, {\"video\": FILE}, "
            "{\"frames\": [FILE, …], \"fps\": NUMBER}]}, or "
            "{\"messages\": [{\"role\": …, \"content\": …}]}, and "
            "\"candidates\": [TEXT, …] if the model should choose one of them, and optionally \"id\": TEXT"));
  };
  nlohmann::json node;  // not ordered_json, whose lookup of a key is linear in the number of keys
  std::vector<std::set<std::string>> keys;  // keys of each object that is still open
  const auto refuse_twice = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    if (depth > 8) throw fail("it is nested too deeply");
    if (event == nlohmann::json::parse_event_t::object_start) keys.emplace_back();
    if (event == nlohmann::json::parse_event_t::object_end) keys.pop_back();
    if (event == nlohmann::json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
      throw fail(cat("the key ", quoted(parsed.get<std::string>()), " occurs twice"));
    return true;
  };
  try {
    node = nlohmann::json::parse(json_line, refuse_twice);
  } catch (const nlohmann::json::parse_error& error) {
    const Location at{where.file, where.line, static_cast<int>(error.byte)};
    throw Error(at, cat("not JSON: ", printable(json_line.substr(0, error.byte), 60), " ← here"));
  } catch (const nlohmann::json::exception& error) {
    const std::string text = error.what();
    throw fail(printable(text.substr(text.find("] ") + 2)));
  }
  const char* list = node.is_object() && node.contains("messages") ? "messages" : "parts";
  if (!node.is_object()) throw fail(cat("expected an object, found ", printable(node.dump(), 80)));
  if (!node.contains(list)) throw fail(cat("no list `", list, "`"));
  if (!node[list].is_array())
    throw fail(cat("`", list, "` must be a list, found ", printable(node[list].dump(), 80)));
  for (const auto& [key, value] : node.items()) {
    if (key != list && key != "candidates" && key != "id") {
      throw fail(cat("unknown key ", quoted(key), " of a request (known: ", list, ", candidates, id)"));
    }
  }
  const auto picture = [&](const nlohmann::json& path) {
    const std::string name = path.is_string() ? path.get<std::string>() : "";
    if (!path.is_string())
      throw Error(cat("a picture or video must be a path, found ", printable(path.dump(), 80)));
    if (name.empty() || name.find('\0') != std::string::npos)
      throw Error(cat("a picture or video must be a path, found ", quoted(name)));
    return PictureSource{(folder / path_of_text(name)).string(), nullptr, {}};
  };
  Request request;
  if (node.contains("candidates")) {
    const nlohmann::json& candidates = node["candidates"];
    const bool texts = candidates.is_array() && candidates.size() >= 2 &&
                       std::all_of(candidates.begin(), candidates.end(),
                                   [](const nlohmann::json& candidate) { return candidate.is_string(); });
    if (!texts)
      throw fail(cat("`candidates` must be a list of texts, at least two, found ",
                     printable(candidates.dump(), 80)));
    if (candidates.size() > kMostCandidates)
      throw fail(cat("`candidates` has ", candidates.size(), " texts; at most ", kMostCandidates));
    request.candidates = candidates.get<std::vector<std::string>>();
  }
  try {
    if (list == std::string_view("messages")) add_messages(node[list], picture, request);
    for (const nlohmann::json& part : node.value("parts", nlohmann::json::array()))
      request.parts.push_back(part_of(part, picture));
  } catch (const Error& error) {
    throw fail(error.what());
  }
  if (node.contains("id")) {
    if (!node["id"].is_string() || node["id"].get<std::string>().empty())
      throw fail(cat("`id` must be a text that is not empty, found ", printable(node["id"].dump(), 80)));
    request.id = node["id"].get<std::string>();
    return request;
  }
  for (const Part& part : request.parts) {  // named after the last picture, which is the query's
    if (part.kind != Part::Kind::text) request.id = path_text(part.pictures.front().path);
  }
  return request;
}

}  // namespace flam
