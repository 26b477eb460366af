#include "tests/integration/golden_folder.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/media/decode.h"
#include "framework/model/transform_chain.h"
#include "framework/recipe/import/chat_template.h"
#include "framework/recipe/run_config.h"
#include "framework/recipe/run_options.h"
#include "framework/request/request_json.h"
#include "framework/weights/checkpoint.h"

namespace flam::test {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

json read_json(const fs::path& file) {
  return json::parse(read_file(file, 64 << 20));
}

/// Pillow clips 16-bit grey pictures at 255 and converts CMYK with other formulas than OpenCV.
bool is_decoded_differently(const std::string& key) {
  return key == "05_gray16" || key == "06_cmyk";
}

/// The template of a chat.json: one for all cases, or named by each case.
std::string template_of(const json& chat, const json& example) {
  return chat.contains("template") ? chat.at("template").get<std::string>()
                                   : chat.at("templates").at(example.at("template")).get<std::string>();
}

/// Names pictures and frames that the stored messages only mention.
void complete_messages(json& messages) {
  for (json& message : messages) {
    if (!message["content"].is_array()) continue;
    for (json& item : message["content"]) {
      if (item["type"] == "video") item.update({{"frames", {"a.png"}}, {"fps", 1}});
      if (item["type"] == "image" && !item.contains("image")) item["image"] = "a.png";
    }
  }
}

/// The text of a reference with our media marker for videos, too.
std::string with_our_marker(std::string text) {
  constexpr std::string_view kVideo = "<video>";
  for (size_t at = 0; (at = text.find(kVideo, at)) != std::string::npos;)
    text.replace(at, kVideo.size(), "<image>");
  return text;
}

}  // namespace

std::vector<fs::path> model_folders(const fs::path& folder) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto has = [&](const char* file) { return fs::exists(entry.path() / file); };
    if (has("config.json") && (has("preprocessor_config.json") || has("processor_config.json")))
      out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> cases_of_model(const fs::path& folder, const fs::path& model) {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    if (!fs::exists(fs::path(entry.path()).replace_extension(".safetensors"))) continue;
    const json node = read_json(entry.path());
    if (!node.is_object() || !node.contains("case") ||
        !(node.contains("prompts") || node.contains("messages")))
      continue;
    if (node.value("model", model.filename().string()) == model.filename())
      out.push_back(entry.path().stem().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

void check_chat_texts(const fs::path& folder, const CaseSink& sink) {
  if (!fs::exists(folder / "chat.json")) return;
  const json chat = read_json(folder / "chat.json");
  const auto registry = open_registry({});
  int number = 0;
  for (const json& example : chat.at("cases")) {
    const std::string name = cat("chat[", number++, "]");
    json messages = example.at("messages");
    complete_messages(messages);
    try {
      ErrorList errors;
      const Value node = task_head_for(template_of(chat, example), {});
      const ComponentConfig config = registry->parse(TaskHead::kKind, node, errors);
      errors.throw_if_any();
      const auto head = registry->build<TaskHead>(config, {"<image>", "</s>"});
      const Request request = parse_request(json{{"messages", messages}}.dump(), "", {});
      const std::string ours = prompt_of(head->task(request)).text.str();
      std::string expected = with_our_marker(example.at("text"));
      if (!example.at("add_generation_prompt").get<bool>())
        expected += node.find("generation_prompt")->as_string();
      sink(name, ours == expected ? "" : cat("the text is ", quoted(ours), ", expected ", quoted(expected)));
    } catch (const std::exception& error) {
      sink(name, error.what());
    }
  }
}

void check_crops(const fs::path& folder, const fs::path& model, const CaseSink& sink) {
  if (!fs::exists(folder / "pixels.json")) return;
  const json index = read_json(folder / "pixels.json");
  const auto stored = open_checkpoint(folder / "pixels.safetensors");
  const auto registry = open_registry({});
  const std::string size = index.contains("size") ? index.at("size").dump() : "";
  if (size.empty()) return;
  const RunConfig config =
      RunConfig::load(model.string(), {"transforms.0.edge=" + size, "transforms.1.size=" + size}, *registry);
  const TransformChain transforms(config.transforms, *registry);
  DecodeOptions options = config.pictures;
  options.orientation = DecodeOptions::Orientation::ignore;  // the reference was given decoded pictures
  for (const json& file : index.at("files")) {
    const std::string key = file.at("key"), tensor = key + ".crop.uint8";
    const auto& names = stored->names();
    if (is_decoded_differently(key) || !std::binary_search(names.begin(), names.end(), tensor)) continue;
    try {
      const Picture whole = load_picture({.path = (folder / file.at("file")).string()}, options);
      const at::Tensor ours = transforms.picture(whole).rgb.permute({2, 0, 1});
      sink(tensor, ours.equal(stored->tensor(tensor)) ? "" : "the pixels differ");
    } catch (const std::exception& error) {
      sink(tensor, error.what());
    }
  }
}

}  // namespace flam::test
