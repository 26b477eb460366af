// flam-manifest LIBRARY: loads a plugin with all checks and writes LIBRARY.json, so that it can be listed
// without loading it. Called by flam_add_plugin() after each build of a plugin.

#include <iostream>

#include "framework/base/hash.h"
#include "framework/registry/registry.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr
        << "usage: flam-manifest LIBRARY\nwrites LIBRARY.json, for example: flam-manifest libflam_x.so\n";
    return 2;
  }
  try {
    const std::filesystem::path library = argv[1];
    std::error_code ec;
    std::filesystem::remove(library.string() + ".json",
                            ec);  // after a failure, an old manifest must not be used
    flam::Registry registry;
    registry.load(library);
    flam::Manifest manifest;
    for (const auto& listed : registry.list()) {
      manifest.components.push_back({listed.kind, listed.name, listed.doc});
    }
    manifest.size = std::filesystem::file_size(library);
    manifest.sha256 = flam::sha256_file(library);
    manifest.stamp = flam::program_stamp();  // load() has found the library's equal
    flam::write_manifest(library, manifest);
    return 0;
  } catch (const flam::Error& e) {
    std::cerr << "flam-manifest: " << e.what() << "\n";
    return e.exit_status();
  } catch (const std::exception& e) {
    std::cerr << "flam-manifest: " << e.what() << "\n";
    return 1;
  }
}
