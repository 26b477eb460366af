#include "framework/commands/compare/plan_hashes.h"

#include <dlfcn.h>

#include <algorithm>

#include "framework/base/hash.h"

namespace flam {

const std::string& FileHashes::of(const std::filesystem::path& file) {
  auto [entry, fresh] = hashes_.try_emplace(file.native());
  std::error_code ignored;
  if (!fresh) return entry->second;
  if (std::filesystem::is_regular_file(file, ignored)) {
    entry->second = sha256_file(file);
  } else if (std::filesystem::is_directory(file, ignored)) {  // a model's folder
    std::vector<std::filesystem::path> inside;
    for (const auto& each : std::filesystem::directory_iterator(file)) {
      if (each.is_regular_file(ignored)) inside.push_back(each.path());
    }
    std::ranges::sort(inside);
    for (const auto& each : inside) entry->second += sha256_file(each);
  }
  return entry->second;
}

std::set<std::string> libraries_of(const RunConfig& config) {
  std::set<std::string> out;
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&libraries_of), &info) != 0 && info.dli_fname)
    out.insert(info.dli_fname);
  const auto add = [&](const ComponentConfig& component) {
    if (component && !component.type->origin.empty()) out.insert(component.type->origin.native());
  };
  for (const auto& part : ModelConfig::kParts) add(config.model.*part.config);
  const auto add_all = [&](const std::vector<ComponentConfig>& list) {
    for (const ComponentConfig& component : list) add(component);
  };
  add_all(config.transforms);
  add_all(config.metrics);
  add(config.task_head);
  add(config.dataset);
  if (config.shots) add(config.shots->source);
  if (config.train) {
    add_all(config.train->heads);
    add_all(config.train->augmentations);
    add(config.train->optimizer_config);
    for (const TrainConfig::WeightedObjective& objective : config.train->weighted_objectives)
      add(objective.component);
    add(config.train->validation);
  }
  return out;
}

}  // namespace flam
