#include "framework/commands/describe/inspect_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "framework/base/text.h"
#include "framework/commands/describe/inspect.h"
#include "framework/config/config.h"
#include "framework/recipe/paths.h"
#include "framework/report/json.h"

namespace flam {

namespace {

using Json = nlohmann::ordered_json;

std::string padded(const std::string& text, size_t width) {
  return text + std::string(text.size() < width ? width - text.size() : 0, ' ');
}

/// Returns where a value is set; a path below the configs folder is shortened to "${configs}/…".
std::string place_of(const Value& value) {
  std::string place = value.where().str();
  const std::string root = (std::filesystem::absolute(configs_root()).lexically_normal() / "").native();
  return place.starts_with(root) ? "${configs}/" + place.substr(root.size()) : place;
}

std::vector<ConfigPage::Setting> settings_of(const Value& tree) {
  std::vector<ConfigPage::Setting> out;
  if (!tree.is_map()) return out;
  for (const Value::Member& member : tree.as_map())
    if (member.key != "type") out.push_back({member.key, member.value, place_of(member.value)});
  return out;
}

ConfigPage::Section section_of(const std::string& name, const ComponentConfig& component, const Value& tree) {
  return {name,
          component.type->kind,
          component.type->name,
          component.type->doc,
          component.type->origin.native(),
          settings_of(tree)};
}

}  // namespace

KindPage inspect_kind(const std::string& kind, const Registry& registry) {
  return {kind, kind_contract(kind), cat("framework/component/", kind, ".h"), registry.list(kind)};
}

std::string kind_text(const KindPage& page) {
  std::string out = cat("kind ", page.kind, "\n  ", page.contract, "\n  contract: ", page.header, "\n");
  out += page.components.empty() ? "  no components\n" : "  components:\n";
  size_t width = 0;
  for (const auto& component : page.components) width = std::max(width, component.name.size());
  for (const auto& component : page.components) {
    out += cat("    ", padded(component.name, width + 2), component.doc, "\n", std::string(width + 6, ' '),
               component.origin.native(), "\n");
  }
  return out;
}

Json kind_json(const KindPage& page) {
  Json out = {{"kind", page.kind}, {"contract", page.contract}, {"header", page.header}};
  out["components"] = Json::array();
  for (const auto& component : page.components)
    out["components"].push_back(
        {{"name", component.name}, {"doc", component.doc}, {"origin", component.origin.native()}});
  return out;
}

ConfigPage inspect_config(const RunConfig& config, const std::string& file) {
  ConfigPage page{config.name, printable(file, 4096), {}};
  const Value resolved = config.resolved();
  for (const auto& part : ModelConfig::kParts) {
    page.sections.push_back(section_of(cat("model.", part.kind), config.model.*part.config,
                                       *resolved.find("model")->find(part.kind)));
  }
  const auto add_list = [&](const char* key, const std::vector<ComponentConfig>& components) {
    for (size_t i = 0; i < components.size(); ++i)
      page.sections.push_back(section_of(cat(key, ".", i), components[i], resolved.find(key)->as_list()[i]));
  };
  add_list("transforms", config.transforms);
  if (config.task_head)
    page.sections.push_back(section_of("task_head", config.task_head, *resolved.find("task_head")));
  if (config.dataset)
    page.sections.push_back(section_of("dataset", config.dataset, *resolved.find("dataset")));
  add_list("metrics", config.metrics);
  for (const char* key : {"pictures", "generation", "weights", "train", "meta"}) {
    if (const Value* tree = resolved.find(key))
      page.sections.push_back({key, "", "", "", "", settings_of(*tree)});
  }
  return page;
}

std::string config_text(const ConfigPage& page) {
  std::string out = cat("config ", page.config, "\n  file: ", page.file, "\n");
  for (const auto& section : page.sections) {
    out += "\n" + section.name;
    if (!section.type.empty())
      out += cat(" '", section.type, "'  ", section.doc, "\n  origin: ", section.origin);
    out += "\n";
    size_t width = 0;
    std::vector<std::string> lines;
    for (const auto& setting : section.settings) {
      lines.push_back(cat(printable(setting.name), " = ", write_json(setting.value)));
      constexpr size_t kWidest = 44;
      if (lines.back().size() <= kWidest) width = std::max(width, lines.back().size());
    }
    for (size_t i = 0; i < lines.size(); ++i) {
      const std::string& place = section.settings[i].place;
      out += cat("    ", padded(lines[i], width), "  # ", place.empty() ? "default" : place, "\n");
    }
  }
  return out;
}

Json config_json(const ConfigPage& page) {
  Json out = {{"config", page.config}, {"file", page.file}, {"sections", Json::array()}};
  for (const auto& section : page.sections) {
    Json node = {{"name", section.name}};
    if (!section.type.empty()) {
      node["kind"] = section.kind;
      node["type"] = section.type;
      node["doc"] = section.doc;
      node["origin"] = section.origin;
    }
    node["settings"] = Json::array();
    for (const auto& setting : section.settings) {
      node["settings"].push_back({{"name", setting.name},
                                  {"value", to_json(setting.value)},
                                  {"default", setting.place.empty()},
                                  {"place", setting.place}});
    }
    out["sections"].push_back(std::move(node));
  }
  return out;
}

}  // namespace flam
