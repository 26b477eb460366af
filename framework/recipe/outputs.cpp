#include "framework/recipe/outputs.h"

#include <fstream>

#include "framework/base/list_folder.h"
#include "framework/base/text.h"
#include "framework/recipe/input_files.h"

namespace flam {

namespace fs = std::filesystem;

namespace {

fs::path plain(const fs::path& path) {
  std::error_code failed;
  const fs::path plain = fs::weakly_canonical(path, failed);
  return failed ? path.lexically_normal() : plain;
}

/// Whether there is a file that begins in another way than such content does.
bool is_of_another_kind(const fs::path& path, Outputs::Content content) {
  std::error_code not_there;
  if (content == Outputs::Content::any || !fs::is_regular_file(path, not_there)) return false;
  std::string begin(15, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  begin.resize(static_cast<size_t>(file.gcount()));
  if (begin.empty()) return false;
  if (content == Outputs::Content::html) return begin != "<!DOCTYPE html>";
  return begin.size() < 9 || begin[8] != '{' || begin[7] != '\0';  // the header's length, and the header
}

}  // namespace

void Outputs::add(const std::string& option, const std::string& path, Content content) {
  if (path.empty()) return;
  if (path == "-")
    throw Error(cat(option, " writes a file, and `-` is standard output; for a file of that name give ./-"));
  const fs::path output = plain(path);
  for (const Output& other : outputs_) {
    if (other.path == output && !fs::is_character_file(output))
      throw Error(
          cat(option, " and ", other.option, " name the same file ", quoted(path), "; give each its own"));
  }
  outputs_.push_back({option, output, content});
}

void Outputs::keep_other_content() const {
  for (const auto& [option, output, content] : outputs_) {
    if (is_of_another_kind(output, content)) {
      throw Error(cat(option, " would replace ", quoted(output.string()), ", which is not ",
                      content == Content::html ? "an HTML page" : "a safetensors file",
                      "; name another file"));
    }
  }
}

void Outputs::keep(const fs::path& input) const {
  if (input.empty()) return;
  for (const auto& [option, output, content] : outputs_) {
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

}  // namespace flam
