#define BOOST_DLL_USE_STD_FS
#include <algorithm>
#include <boost/dll/runtime_symbol_info.hpp>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <sstream>

#include "framework/base/error.h"
#include "framework/base/list_folder.h"
#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/plugin/library.h"

namespace flam {

namespace fs = std::filesystem;

namespace {
/// Warns once, because a process may compute the search path several times.
void warn_once(const std::string& message) {
  static std::mutex mutex;
  static std::set<std::string> said;
  const std::lock_guard lock(mutex);
  if (said.insert(message).second) log_warn(message);
}
}  // namespace

std::vector<FoundLibrary> find_libraries(const std::vector<fs::path>& folders) {
  std::vector<FoundLibrary> found;
  std::map<std::string, fs::path> seen;  // file name → first library
  for (const auto& folder : folders) {
    std::vector<std::string> names;
    std::error_code ec;
    for (const fs::path& path : list_folder(folder, ec)) {
      const std::string name = path.filename().string();
      if (name.starts_with("libflam_") && name.ends_with(".so")) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    for (const auto& name : names) {
      const auto [first, is_new] = seen.try_emplace(name, folder / name);
      found.push_back({folder / name, is_new ? fs::path() : first->second});
    }
  }
  return found;
}

std::vector<fs::path> plugin_search_path(const std::vector<fs::path>& from_command_line) {
  std::vector<fs::path> folders;
  const auto add = [&](const fs::path& folder) {
    std::error_code ec;
    const auto canonical = fs::canonical(folder, ec);
    if (ec || std::find(folders.begin(), folders.end(), canonical) != folders.end()) return;
    folders.push_back(canonical);
  };
  for (const auto& folder : from_command_line) {
    std::error_code unreadable;
    if (!fs::is_directory(folder, unreadable))
      throw Error(cat("--plugin-path ", quoted(folder.string()), " is not a folder"));
    if (find_libraries({folder}).empty())
      warn_once(cat("--plugin-path ", quoted(folder.string()), " contains no plugins (libflam_*.so)"));
    add(folder);
  }
  if (const char* variable = std::getenv("FLAM_PLUGIN_PATH")) {
    std::istringstream entries(variable);
    for (std::string entry; std::getline(entries, entry, ':');) {
      if (entry.empty()) continue;
      std::error_code unreadable;
      if (!fs::is_directory(entry, unreadable))
        warn_once(cat("FLAM_PLUGIN_PATH names ", quoted(entry), ", which is not a folder"));
      add(entry);
    }
  }
  add(boost::dll::this_line_location().parent_path() / "flamboyance" / "plugins");
  return folders;
}

}  // namespace flam
