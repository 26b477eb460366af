#include "framework/recipe/input_files.h"

namespace flam {

namespace {

void each_source(const Value& value, const FileVisitor& visit) {
  if (value.where().file) visit(*value.where().file);
  if (value.is_map()) {
    for (const auto& member : value.as_map()) each_source(member.value, visit);
  } else if (value.is_list()) {
    for (const Value& element : value.as_list()) each_source(element, visit);
  }
}

}  // namespace

void each_text_as_path(const Value& component, const std::filesystem::path& folder,
                       const FileVisitor& visit) {
  if (!component.is_map()) return;
  for (const auto& member : component.as_map()) {
    if (member.value.is_string()) visit(folder / member.value.as_string());
  }
}

void each_input_file(const RunConfig& config, const FileVisitor& visit) {
  each_source(config.source, visit);
  each_text_as_path(config.model.tokenizer.resolved(), config.weights.root, visit);
}

}  // namespace flam
