#include "framework/commands/verify/reference_case.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/request/message_json.h"

namespace flam {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

/// Alternative names of stages in existing dumps.
constexpr std::pair<std::string_view, std::string_view> kStoredNames[] = {
    {"vision_features", "vit_patch_tokens"},
    {"vision_features", "vision_out"},
    {"media_tokens", "perceiver_out"},
    {"images", "pixel_values"}};

const json* member(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

[[noreturn]] void malformed(const fs::path& file, const std::string& what) {
  throw Error(cat(printable(file.string(), 4096), ": ", what, "  (docs/verify.md describes the format)"));
}

/// The messages of one conversation; a video without frames has those beside the messages.
json with_frames(json messages, const json& beside) {
  for (json& message : messages) {
    if (!message.is_object() || !message.contains("content") || !message["content"].is_array()) continue;
    for (json& item : message["content"]) {
      if (!item.is_object() || item.value("type", "") != "video" || item.contains("frames")) continue;
      if (const json* frames = member(beside, "frames")) item["frames"] = *frames;
      if (const json* duration = member(beside, "duration_seconds")) item["duration"] = *duration;
      const json *numbers = member(beside, "frame_numbers"), *fps = member(beside, "fps");
      if (!numbers || !fps) continue;
      for (const json& number : *numbers)
        item["timestamps"].push_back(number.get<double>() / fps->get<double>());
    }
  }
  return messages;
}

Request conversation(const json& messages, const fs::path& folder) {
  if (!messages.is_array()) throw Error("expected a list");
  Request request;
  const auto picture = [&](const json& path) {
    if (!path.is_string()) throw Error("a picture must be a path");
    return PictureSource{(folder / path.get<std::string>()).string(), nullptr, {}};
  };
  add_messages(messages, picture, request);
  return request;
}

// A row's pictures: one path, or a list of them.
std::vector<std::string> picture_list(const json& node, const fs::path& file) {
  std::vector<std::string> out;
  const auto add = [&](const json& path) {
    if (!path.is_string()) malformed(file, "`images` must hold paths");
    const std::string name = path.get<std::string>();
    if (name.find('\0') != std::string::npos)  // the path would end at the NUL byte
      malformed(file, cat("`images` must hold paths, found ", quoted(name)));
    out.push_back((file.parent_path() / name).string());
  };
  if (node.is_array()) {
    for (const json& path : node) add(path);
  } else {
    add(node);
  }
  return out;
}

}  // namespace

ReferenceCase ReferenceCase::open(const fs::path& path) {
  const fs::path side = fs::path(path).replace_extension(".json");
  ReferenceCase out;
  const auto shallow = [&](int depth, json::parse_event_t, json&) {
    if (depth > 16) malformed(side, "nested too deeply");
    return true;
  };
  try {
    out.json_ = std::make_shared<const json>(json::parse(read_file(side, size_t{16} << 20), shallow));
  } catch (const json::exception& error) {
    malformed(side, cat("not JSON: ", printable(error.what())));
  }
  out.tensors_ = open_checkpoint(fs::path(path).replace_extension(".safetensors"));
  if (!out.json_->is_object()) malformed(side, "expected an object");
  json conversations;
  if (const json* messages = member(*out.json_, "messages")) {
    conversations = *messages;
    // One conversation may stand alone.
    if (messages->is_array() && !messages->empty() && messages->front().is_object())
      conversations = json::array({*messages});
  }
  const json* prompts = member(*out.json_, conversations.is_null() ? "prompts" : "text");
  if (!prompts || !prompts->is_array() || prompts->empty())
    malformed(side, "`prompts` (or `text`, with `messages`) must be a list of texts");
  for (const json& prompt : *prompts) {
    if (!prompt.is_string()) malformed(side, "`prompts` must be a list of texts");
    out.prompt_texts_.push_back(prompt.get<std::string>());
  }
  out.media_.resize(out.prompt_texts_.size());
  if (!conversations.is_null()) {
    if (!conversations.is_array() || conversations.size() != out.rows())
      malformed(side, "`messages` must have one conversation for each text");
    for (size_t row = 0; row < out.rows(); ++row) {
      try {
        const Request request = conversation(with_frames(conversations[row], *out.json_), side.parent_path());
        std::ranges::copy_if(request.parts, std::back_inserter(out.media_[row]),
                             [](const Part& part) { return part.kind != Part::Kind::text; });
        out.conversations_.push_back(request);
      } catch (const json::exception& error) {
        malformed(side, cat("`frame_numbers`, `fps`: ", printable(error.what())));
      } catch (const Error& error) {
        malformed(side, cat("`messages`: ", error.what()));
      }
    }
  } else if (const json* images = member(*out.json_, "images")) {
    if (!images->is_array() || images->size() != out.rows())
      malformed(side, "`images` must have one entry for each prompt");
    for (size_t row = 0; row < out.rows(); ++row) {
      for (const std::string& path : picture_list((*images)[row], side))
        out.media_[row].push_back({Part::Kind::image, "", {PictureSource{path, nullptr, {}}}});
    }
  }
  if (const json* most = member(*out.json_, "max_new_tokens")) {
    if (!most->is_number_integer() || most->get<int64_t>() < 1)
      malformed(side, "`max_new_tokens` must be at least 1");
    out.max_new_tokens_ = most->get<int64_t>();
  }
  return out;
}

std::vector<Prompt> ReferenceCase::prompts(const std::string& marker) const {
  constexpr std::string_view kVideo = "<video>";
  std::vector<Prompt> out;
  for (size_t row = 0; row < rows(); ++row) {
    std::string text = prompt_texts_[row];
    for (const Part& media : media_[row]) {
      const size_t at = media.kind == Part::Kind::frames ? text.find(kVideo) : std::string::npos;
      if (at != std::string::npos) text.replace(at, kVideo.size(), marker);
    }
    out.push_back({template_text(text), media_[row]});
  }
  return out;
}

std::optional<Request> ReferenceCase::request(size_t row) const {
  if (!conversations_.empty()) return conversations_[row];
  const auto of_this_row = [&](const char* key) -> const json* {
    const json* list = member(*json_, key);
    return list && list->is_array() && list->size() == rows() ? &(*list)[row] : nullptr;
  };
  const json* task = member(*json_, "task");
  const bool vqa = task && *task == "vqa";
  if (task && !vqa && *task != "caption") return std::nullopt;
  const json* question = of_this_row("questions");
  const json* shots = of_this_row("shots");
  if (vqa && (!question || !question->is_string())) return std::nullopt;
  Request request;
  const auto add_text = [&](const json& text) {
    request.parts.push_back({Part::Kind::text, text.get<std::string>(), {}});
  };
  size_t next = 0;
  const auto add_picture = [&] {
    if (next >= media_[row].size()) return false;
    request.parts.push_back(media_[row][next++]);
    return true;
  };
  if (shots && shots->is_array()) {
    for (const json& shot : *shots) {
      if (!shot.is_object() || !add_picture()) return std::nullopt;
      for (const char* key : {"question", "answer", "caption"}) {
        if (const json* text = member(shot, key); text && text->is_string()) add_text(*text);
      }
    }
  }
  if (!add_picture() || next != media_[row].size()) return std::nullopt;
  if (vqa) add_text(*question);
  return request;
}

std::optional<std::string> ReferenceCase::expanded_text(size_t row) const {
  const json* list = member(*json_, "expanded_text");
  if (!list || !list->is_array() || row >= list->size() || !(*list)[row].is_string()) return std::nullopt;
  return (*list)[row].get<std::string>();
}

std::optional<at::Tensor> ReferenceCase::tensor(const std::string& name) const {
  const auto& names = tensors_->names();
  if (std::binary_search(names.begin(), names.end(), name)) return tensors_->tensor(name);
  for (const std::string& stored : names) {
    if (stage_of(stored) == name) return tensors_->tensor(stored);
  }
  return std::nullopt;
}

std::string stage_of(const std::string& tensor) {
  for (const auto& [stage, stored] : kStoredNames) {
    if (stored == tensor) return std::string(stage);
  }
  return tensor;
}

std::optional<double> ReferenceCase::length_penalty(const std::string& run) const {
  const json* entry = member(*json_, run.c_str());
  const json* value = entry && entry->is_object() ? member(*entry, "length_penalty") : nullptr;
  return value && value->is_number() ? std::optional(value->get<double>()) : std::nullopt;
}

std::optional<std::string> ReferenceCase::generated(const std::string& run, const std::string& field,
                                                    size_t row) const {
  const json* entry = member(*json_, run.c_str());
  const json* list = entry && entry->is_object() ? member(*entry, field.c_str()) : nullptr;
  if (!list || !list->is_array() || row >= list->size() || !(*list)[row].is_string()) return std::nullopt;
  return (*list)[row].get<std::string>();
}

}  // namespace flam
