#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "framework/base/error.h"
#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/plugin/library.h"

namespace flam {

namespace {
using Json = nlohmann::ordered_json;

constexpr int kFormat = 2;
constexpr size_t kMaxBytes = 1 << 20;

std::filesystem::path manifest_path(const std::filesystem::path& library) {
  return library.string() + ".json";
}

template <size_t N>
void put(char (&field)[N], const std::string& text) {
  text.copy(field, N - 1);
}
}  // namespace

std::unique_ptr<Manifest> read_manifest(const std::filesystem::path& library) {
  const auto path = manifest_path(library);
  std::error_code ec;
  if (!std::filesystem::exists(path, ec)) return nullptr;
  try {
    // Not ordered_json, which searches linearly for each key.
    const nlohmann::json json = nlohmann::json::parse(read_file(path, kMaxBytes));
    if (json.at("flam_manifest") != kFormat) throw Error(cat("unknown format, expected ", kFormat));
    auto manifest = std::make_unique<Manifest>();
    manifest->size = json.at("size").get<uint64_t>();
    manifest->sha256 = json.at("sha256").get<std::string>();
    const nlohmann::json& stamp = json.at("stamp");
    manifest->stamp.magic = kPluginMagic;
    manifest->stamp.size = sizeof(FlamPluginStamp);
    manifest->stamp.sdk_major = stamp.at("sdk_major").get<uint32_t>();
    manifest->stamp.sdk_minor = stamp.at("sdk_minor").get<uint32_t>();
    put(manifest->stamp.compiler, stamp.at("compiler").get<std::string>());
    put(manifest->stamp.stdlib_abi, stamp.at("stdlib_abi").get<std::string>());
    put(manifest->stamp.torch, stamp.at("torch").get<std::string>());
    put(manifest->stamp.sdk_headers, stamp.at("sdk_headers").get<std::string>());
    std::set<std::pair<std::string, std::string>> known;
    for (const nlohmann::json& component : json.at("components")) {
      manifest->components.push_back({component.at("kind").get<std::string>(),
                                      component.at("name").get<std::string>(),
                                      component.at("doc").get<std::string>()});
      const auto& [kind, name, doc] = manifest->components.back();
      if (!known.emplace(kind, name).second)
        throw Error(cat("lists ", printable(kind), " ", quoted(name), " twice"));
    }
    return manifest;
  } catch (const std::exception& e) {
    throw Error(cat(quoted(path.string()), " is not a usable plugin manifest: ", printable(e.what()),
                    "; run flam-manifest on the library"));
  }
}

void write_manifest(const std::filesystem::path& library, const Manifest& manifest) {
  const FlamPluginStamp& stamp = manifest.stamp;
  Json json = {{"flam_manifest", kFormat},
               {"size", manifest.size},
               {"sha256", manifest.sha256},
               {"stamp",
                {{"sdk_major", stamp.sdk_major},
                 {"sdk_minor", stamp.sdk_minor},
                 {"compiler", stamp.compiler},
                 {"stdlib_abi", stamp.stdlib_abi},
                 {"torch", stamp.torch},
                 {"sdk_headers", stamp.sdk_headers}}},
               {"components", Json::array()}};
  for (const auto& component : manifest.components) {
    json["components"].push_back(
        {{"kind", component.kind}, {"name", component.name}, {"doc", component.doc}});
  }
  write_file(manifest_path(library), json.dump(2) + "\n");
}

}  // namespace flam
