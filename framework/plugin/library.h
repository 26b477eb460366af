#pragma once
// One plugin library: its manifest, the checks before dlopen, and opening it.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/plugin/rehearsal.h"
#include "framework/plugin/stamp.h"

namespace flam {

/// What the build wrote beside a library (libflam_x.so.json), so that it can be listed without being loaded.
struct Manifest {
  struct Component {
    std::string kind, name, doc;
  };
  std::vector<Component> components;
  uint64_t size = 0;        // of the library, bytes
  std::string sha256;       // of the library
  FlamPluginStamp stamp{};  // enroll is null
};

/// nullopt-like: a manifest that is missing gives an empty pointer; one that is broken is an Error.
FLAM_API std::unique_ptr<Manifest> read_manifest(const std::filesystem::path& library);
FLAM_API void write_manifest(const std::filesystem::path& library, const Manifest& manifest);

/// The stamp's fields as text, for people: {"compiler", "gcc 12"}, …
FLAM_API std::vector<std::pair<std::string, std::string>> stamp_fields(const FlamPluginStamp& stamp);

/// Differences between a plugin's stamp and ours, one line each ("compiler: plugin has 'gcc 13', this program
/// 'gcc 12'").
FLAM_API std::vector<std::string> compare_stamp(const FlamPluginStamp& theirs);

struct OpenOptions {
  /// Called with the checked stamp in the child process only, to try there what the caller will do next
  /// (enrolling).
  std::function<void(const FlamPluginStamp&)> rehearse;
  RehearsalLimits limits;  // of the child process
};

/// Opens a library after its checks: ELF header, machine and segment ends against the file's size; a library
/// that its manifest (size, hash) doesn't vouch for is first opened in a child process. RTLD_NOW|RTLD_LOCAL,
/// never closed. Returns its stamp, which is like ours in every field. Error: names the library and what is
/// wrong with it.
FLAM_API const FlamPluginStamp* open_plugin(const std::filesystem::path& library,
                                            const OpenOptions& options = {});

/// A library found on the search path.
struct FoundLibrary {
  std::filesystem::path path;
  std::filesystem::path shadowed_by;  // empty, or the earlier library of the same file name
};
/// libflam_*.so in each folder in order; a file name seen earlier shadows the later one.
FLAM_API std::vector<FoundLibrary> find_libraries(const std::vector<std::filesystem::path>& folders);

/// --plugin-path entries, then FLAM_PLUGIN_PATH, then the folder relative to the library libflamboyance_core.
FLAM_API std::vector<std::filesystem::path> plugin_search_path(
    const std::vector<std::filesystem::path>& from_command_line);

}  // namespace flam
