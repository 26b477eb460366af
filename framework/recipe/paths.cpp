#include "framework/recipe/paths.h"

#include <dlfcn.h>

#include <cstdlib>

namespace flam {

namespace fs = std::filesystem;

namespace {
fs::path shared_folder(const char* variable, const char* name, const char* in_source_tree) {
  if (const char* named = std::getenv(variable); named && *named) return fs::absolute(named);
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&configs_root), &info) != 0 && info.dli_fname) {
    std::error_code ignored;
    const fs::path library = fs::canonical(info.dli_fname, ignored);
    fs::path installed = library.parent_path().parent_path() / "share" / "flamboyance" / name;
    if (!ignored && fs::is_directory(installed, ignored)) return installed;
  }
  return fs::path(FLAM_SOURCE_TREE) / in_source_tree;
}
}  // namespace

fs::path configs_root() {
  return shared_folder("FLAM_CONFIGS_DIR", "configs", "configs");
}

fs::path templates_root() {
  return shared_folder("FLAM_TEMPLATES_DIR", "templates", "tools/templates");
}

}  // namespace flam
