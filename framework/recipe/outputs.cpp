#include "framework/recipe/outputs.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "framework/base/list_folder.h"
#include "framework/base/text.h"
#include "framework/recipe/input_files.h"
#include "framework/weights/checkpoint.h"

namespace flam {

namespace fs = std::filesystem;

namespace {

fs::path plain(const fs::path& path) {
  std::error_code failed;
  const fs::path plain = fs::weakly_canonical(path, failed);
  return failed ? path.lexically_normal() : plain;
}

/// How files of that content begin, and what they are. Files of any content have no such beginning.
std::pair<std::string, const char*> beginning_and_name(Outputs::Content content) {
  switch (content) {
    case Outputs::Content::html:
      return {"<!DOCTYPE html>", "an HTML page"};
    case Outputs::Content::svg:
      return {"<svg", "an SVG picture"};
    case Outputs::Content::receipt:
      return {"{\n  \"flamboyance\":", "a receipt of Flamboyance"};
    case Outputs::Content::trace:
      return {"{\"traceEvents\":", "a trace of operators"};
    case Outputs::Content::any:
      break;
  }
  return {};
}

std::string beginning_of(const fs::path& path) {
  std::string begin(24, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  begin.resize(static_cast<size_t>(file.gcount()));
  return begin;
}

bool is_safetensors(const std::string& begin) {
  return begin.size() >= 9 && begin[8] == '{' && begin[7] == '\0';  // the header's length, and the header
}

bool has_metadata(const fs::path& path, const std::vector<std::string>& keys) {
  try {
    const auto metadata = open_checkpoint(path)->metadata();
    return std::ranges::all_of(keys, [&](const std::string& key) { return metadata.contains(key); });
  } catch (const Error&) {
    return false;  // it is damaged
  }
}

}  // namespace

void Outputs::add(const std::string& option, const std::string& path, Content content) {
  add({option, {}, content, {}}, path);
}

void Outputs::add_safetensors(const std::string& option, const std::string& path,
                              std::vector<std::string> metadata) {
  add({option, {}, Content::any, std::move(metadata)}, path);
}

void Outputs::add(Output output, const std::string& path) {
  if (path.empty()) return;
  const std::string& option = output.option;
  if (path == "-")
    throw Error(cat(option, " writes a file, and `-` is standard output; for a file of that name give ./-"));
  output.path = plain(path);
  for (const Output& other : outputs_) {
    if (other.path == output.path && !fs::is_character_file(output.path))
      throw Error(
          cat(option, " and ", other.option, " name the same file ", quoted(path), "; give each its own"));
  }
  outputs_.push_back(std::move(output));
}

void Outputs::keep_other_content() const {
  for (const auto& [option, output, content, metadata] : outputs_) {
    std::error_code not_there;
    if (fs::is_directory(output, not_there))
      throw Error(cat(option, " ", quoted(output.string()), " is a folder; name a file"));
    if (!fs::is_regular_file(output, not_there)) continue;
    const std::string begin = beginning_of(output);
    if (begin.empty()) continue;
    const auto [beginning, name] = beginning_and_name(content);
    const char* missing = nullptr;
    if (!begin.starts_with(beginning)) {
      missing = name;
    } else if (!metadata.empty() && !is_safetensors(begin)) {
      missing = "a safetensors file";
    } else if (!metadata.empty() && !has_metadata(output, metadata)) {
      missing = "a file that was written for this option";
    }
    if (missing) {
      throw Error(cat(option, " would replace ", quoted(output.string()), ", which is not ", missing,
                      "; name another file"));
    }
  }
}

void Outputs::keep(const fs::path& input) const {
  if (input.empty()) return;
  for (const auto& [option, output, content, metadata] : outputs_) {
    std::error_code not_there;
    if (fs::equivalent(input, output, not_there)) {
      throw Error(cat(option, " ", quoted(output.string()), " would overwrite an input of the run, ",
                      quoted(input.string()), "; name another file"));
    }
  }
}

void Outputs::keep(const Request& request) const {
  for (const Part& part : request.parts) {
    for (const PictureSource& picture : part.pictures) keep(fs::path(picture.path));
  }
}

void Outputs::keep_weights(const fs::path& path) const {
  keep(path);
  std::error_code unreadable;
  const bool folder = fs::is_directory(path, unreadable);
  if (!folder && path.extension() != ".json") return;
  const fs::path listed = folder ? path : fs::absolute(path, unreadable).parent_path();
  for (const fs::path& beside : list_folder(listed, unreadable)) keep(beside);
}

void Outputs::keep(const RunConfig& config) const {
  each_input_file(config, [this](const fs::path& file) { keep(file); });
}

void Outputs::keep(const RunConfig& config, const std::string& chosen) const {
  keep(config);
  for (const WeightsFile& file : config.weights.files) keep_weights(config.weights.path_of(file));
  keep_weights(chosen);
}

void require_overwrite(const std::string& output, bool overwrite) {
  std::error_code ignored;
  if (!overwrite && fs::exists(output, ignored))
    throw Error(cat(quoted(output), " exists; give --overwrite to replace it"));
}

}  // namespace flam
