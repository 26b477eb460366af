#include "framework/run/paths.h"

#include <dlfcn.h>

#include <cstdlib>

namespace flam {

namespace fs = std::filesystem;

fs::path configs_root() {
  if (const char* named = std::getenv("FLAM_CONFIGS_DIR"); named && *named) return fs::absolute(named);
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&configs_root), &info) != 0 && info.dli_fname) {
    std::error_code ignored;
    const fs::path library = fs::canonical(info.dli_fname, ignored);
    const fs::path installed = library.parent_path().parent_path() / "share" / "flamboyance" / "configs";
    if (!ignored && fs::is_directory(installed, ignored)) return installed;
  }
  return FLAM_SOURCE_CONFIGS;
}

}  // namespace flam
