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

/// The manifest that the build writes beside a library (libflam_x.so.json), so that its components can be
/// listed without loading it.
struct Manifest {
  struct Component {
    std::string kind, name, doc;
  };
  std::vector<Component> components;
  uint64_t size = 0;        // of the library, bytes
  std::string sha256;       // of the library
  FlamPluginStamp stamp{};  // enroll is null
};

/// Returns null if there is no manifest. Error: the manifest is broken.
FLAM_API std::unique_ptr<Manifest> read_manifest(const std::filesystem::path& library);
FLAM_API void write_manifest(const std::filesystem::path& library, const Manifest& manifest);

/// Returns the fields of a stamp as readable text: {"compiler", "gcc 12"}, …
FLAM_API std::vector<std::pair<std::string, std::string>> stamp_fields(const FlamPluginStamp& stamp);

/// Returns the differences between a plugin's stamp and that of this program, one line each ("compiler:
/// plugin has 'gcc 13', this program 'gcc 12'").
FLAM_API std::vector<std::string> compare_stamp(const FlamPluginStamp& theirs);

struct OpenOptions {
  /// Called with the checked stamp in the child process only, to test there what the caller will do next
  /// (enrolling).
  std::function<void(const FlamPluginStamp&)> rehearse;
  RehearsalLimits limits;  // of the child process
};

/// Opens a library with RTLD_NOW|RTLD_LOCAL after checking its ELF header, its machine and that its segments
/// lie inside the file. A library whose size and hash do not match a manifest is first opened in a child
/// process. It is never closed. Returns its stamp, which equals that of this program in every field. Error:
/// names the library and what is wrong with it.
FLAM_API const FlamPluginStamp* open_plugin(const std::filesystem::path& library,
                                            const OpenOptions& options = {});

/// A library found on the search path.
struct FoundLibrary {
  std::filesystem::path path;
  std::filesystem::path shadowed_by;  // the earlier library with the same file name; empty if there is none
};
/// Finds libflam_*.so in each folder in order. A library shadows later ones with the same file name.
FLAM_API std::vector<FoundLibrary> find_libraries(const std::vector<std::filesystem::path>& folders);

/// Returns the folders of --plugin-path, then those of FLAM_PLUGIN_PATH, then flamboyance/plugins beside the
/// library libflamboyance_core. Error: a folder of --plugin-path does not exist.
FLAM_API std::vector<std::filesystem::path> plugin_search_path(
    const std::vector<std::filesystem::path>& from_command_line);

}  // namespace flam
