#include "framework/recipe/outputs.h"

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

}  // namespace

void Outputs::add(const std::string& option, const std::string& path) {
  if (path.empty()) return;
  if (path == "-")
    throw Error(cat(option, " writes a file, and `-` is standard output; for a file of that name give ./-"));
  const fs::path output = plain(path);
  for (const auto& [other, taken] : outputs_) {
    if (taken == output && !fs::is_character_file(output))
      throw Error(cat(option, " and ", other, " name the same file ", quoted(path), "; give each its own"));
  }
  outputs_.emplace_back(option, output);
}

void Outputs::keep(const fs::path& input) const {
  if (input.empty()) return;
  for (const auto& [option, output] : outputs_) {
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
  for (fs::directory_iterator at(folder ? path : fs::absolute(path, unreadable).parent_path(), unreadable),
       end;
       !unreadable && at != end; at.increment(unreadable))
    keep(at->path());
}

void Outputs::keep(const RunConfig& config) const {
  each_input_file(config, [this](const fs::path& file) { keep(file); });
}

void Outputs::keep(const RunConfig& config, const std::string& chosen) const {
  keep(config);
  for (const WeightsFile& file : config.weights.files)
    keep_weights(fs::path(config.weights.root) / file.path);
  keep_weights(chosen);
}

}  // namespace flam
