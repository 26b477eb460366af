// Finds config files by model name.

#include <algorithm>

#include "framework/base/list_folder.h"
#include "framework/base/text.h"
#include "framework/config/config.h"

namespace flam {

namespace fs = std::filesystem;

namespace {

using NamedConfigs = std::vector<std::pair<std::string, fs::path>>;

void add_configs(const fs::path& folder, NamedConfigs& found) {
  std::error_code failed, ignored;
  for (const fs::path& path : list_folder(folder, failed)) {
    if (fs::is_directory(path, ignored)) {
      const bool listed = path.filename() != "_base_" && path.filename() != "experiments";
      if (listed && !fs::is_symlink(path, ignored)) add_configs(path, found);
    } else if (path.extension() == ".yaml" && fs::is_regular_file(path, ignored)) {
      found.emplace_back(path.stem().native(), path);
    }
  }
  if (failed && failed != std::errc::permission_denied)
    throw Error(cat("cannot list the configs folder ", quoted(folder.native()), ": ", failed.message()));
}

}  // namespace

std::vector<std::pair<std::string, fs::path>> list_configs(const fs::path& configs_root) {
  NamedConfigs found;
  add_configs(configs_root, found);
  std::ranges::sort(found);
  return found;
}

fs::path find_config(const std::string& name_or_path, const fs::path& configs_root, const char* what) {
  std::error_code ignored;
  fs::path path = name_or_path;
  const bool written_as_path =
      path.has_parent_path() || path.extension() == ".yaml" || path.extension() == ".yml";
  if (written_as_path) {
    if (!fs::exists(path, ignored)) throw Error(cat("no ", what, " file ", quoted(name_or_path)));
    return path;
  }
  std::vector<std::string> names;
  std::vector<fs::path> matches;
  for (const auto& [name, file] : list_configs(configs_root)) {
    names.push_back(name);
    if (name == name_or_path) matches.push_back(file);
  }
  if (matches.size() == 1) return matches.front();
  if (matches.size() > 1) {
    throw Error(cat("two ", what, "s are named ", quoted(name_or_path), ": ", printable(matches[0].native()),
                    " and ", printable(matches[1].native()), "; give the path of one of them"));
  }
  if (fs::is_regular_file(path, ignored)) return path;
  throw Error(cat("no ", what, " named ", quoted(name_or_path), did_you_mean(name_or_path, names),
                  " (known: ", printable(join(names, ", "), 2000), ")"));
}

}  // namespace flam
