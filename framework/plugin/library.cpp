// Makes Boost.DLL use std::filesystem and std::error_code.
#define BOOST_DLL_USE_STD_FS
#include "framework/plugin/library.h"

#include <dlfcn.h>

#include <boost/dll/shared_library.hpp>
#include <mutex>

#include "framework/base/error.h"
#include "framework/base/hash.h"
#include "framework/base/text.h"
#include "framework/plugin/elf.h"

namespace flam {

namespace {
namespace dll = boost::dll;

using Entry = const FlamPluginStamp*();

/// Keeps a library open until the process ends, because objects made by a plugin may outlive any owner.
void keep_open(dll::shared_library library) {
  static std::mutex mutex;
  static auto* const kept = new std::vector<dll::shared_library>;
  const std::lock_guard lock(mutex);
  kept->push_back(std::move(library));
}

const FlamPluginStamp* load_and_check(const std::filesystem::path& path) {
  dll::shared_library library;
  std::error_code ec;
  library.load(path, ec, dll::load_mode::rtld_now | dll::load_mode::rtld_local);
  if (ec) {
    const char* const reason = dlerror();
    throw Error(cat("can't be loaded: ", printable(reason ? reason : "no reason is given", 1000)));
  }
  Entry* const entry = library.has(kPluginEntry) ? &library.get<Entry>(kPluginEntry) : nullptr;
  keep_open(std::move(library));
  if (!entry)
    throw Error(cat("has no entry point '", kPluginEntry, "'; a plugin defines it with FLAM_PLUGIN"));
  const FlamPluginStamp* stamp = nullptr;
  try {
    stamp = entry();
  } catch (const std::exception& e) {
    throw Error(cat("throws in its entry point: ", printable(e.what(), 1000)));
  } catch (...) {
    throw Error("throws in its entry point something that is not a std::exception");
  }
  if (!stamp) throw Error("returns no stamp from its entry point");
  if (const auto differences = compare_stamp(*stamp); !differences.empty()) {
    throw Error(
        cat("was built for another program: ", join(differences, "; "), "; build it again with this SDK"));
  }
  if (!stamp->enroll) throw Error("has a stamp without the function that enrolls components");
  return stamp;
}

bool is_vouched_for(const std::filesystem::path& library) {
  const auto manifest = read_manifest(library);
  std::error_code ignored;
  return manifest && manifest->size == std::filesystem::file_size(library, ignored) &&
         manifest->sha256 == sha256_file(library);
}
}  // namespace

const FlamPluginStamp* open_plugin(const std::filesystem::path& library, const OpenOptions& options) {
  const auto path = std::filesystem::absolute(library);
  try {
    check_elf(path);
    if (!is_vouched_for(path)) {
      rehearse(
          [&] {
            const FlamPluginStamp* stamp = load_and_check(path);
            if (options.rehearse) options.rehearse(*stamp);
            return std::string();
          },
          options.limits, "loading");
    }
    return load_and_check(path);
  } catch (const std::exception& e) {
    throw Error(cat("plugin ", quoted(path.string()), " ", e.what()));
  }
}

}  // namespace flam
