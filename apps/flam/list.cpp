#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/recipe/paths.h"
#include "framework/report/json.h"

namespace flam::cli {

namespace {

int list(const std::string& kind, const std::vector<std::filesystem::path>& plugin_path, bool json) {
  auto kinds = component_kinds();
  kinds.emplace_back("models");
  if (!kind.empty() && std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
    throw Error(
        cat("unknown kind ", quoted(kind), did_you_mean(kind, kinds), " (known: ", join(kinds, ", "), ")"));
  }
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  if (kind.empty() || kind == "models") {
    for (const auto& [name, file] : list_configs(configs_root())) {
      out.push_back({{"kind", "models"}, {"name", name}, {"origin", file.string()}, {"doc", ""}});
    }
  }
  const auto registry = open_registry(plugin_path);
  if (kind != "models") {
    for (const auto& entry : registry->list(kind)) {
      if (std::find(kinds.begin(), kinds.end(), entry.kind) == kinds.end()) continue;  // no config names it
      out.push_back({{"kind", entry.kind},
                     {"name", entry.name},
                     {"origin", entry.origin.string()},
                     {"doc", entry.doc}});
    }
  }
  for (const auto& library : registry->libraries()) {
    if (!library.shadowed_by.empty()) {
      log_warn(cat(printable(library.path.string(), 4096), " is shadowed by ",
                   printable(library.shadowed_by.string(), 4096)));
    }
  }
  for (const auto& problem : registry->problems()) log_warn(problem.message);
  if (json) {
    for (const auto& entry : out) std::cout << json_line(entry) << "\n";
    return 0;
  }
  std::string current;
  for (const auto& entry : out) {
    if (entry["kind"] != current) {
      current = entry["kind"];
      std::cout << current << "\n";
    }
    const std::string name = entry["name"];
    const std::string doc = entry["doc"];
    std::cout << "  " << name
              << (doc.empty() ? "" : std::string(name.size() < 24 ? 26 - name.size() : 2, ' ') + doc) << "\n";
  }
  return 0;
}

}  // namespace

void add_list(CLI::App& app, int& status) {
  struct Options {
    std::string kind;
    std::vector<std::filesystem::path> plugin_path;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("list", "list models and components");
  command->footer("Example: flam list vision_backbone");
  command->add_option("KIND", options->kind, "list only this kind: models, " + join(component_kinds(), ", "))
      ->check(not_empty());
  command->add_flag("--json", options->json, "print JSON, one object per line");
  add_plugin_path(*command, options->plugin_path);
  command->callback(
      [options, &status] { status = list(options->kind, options->plugin_path, options->json); });
}

}  // namespace flam::cli
