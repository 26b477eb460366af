#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace flam {

/// Reads a JSON file of at most 64 MiB. Error: it is not JSON, nested too deeply, or names a key twice; the
/// message names the file and the place.
nlohmann::json read_bpe_json(const std::filesystem::path& path);

/// The member `key` of an object; null if it is absent.
const nlohmann::json& member(const nlohmann::json& object, const char* key);

/// The text of `type` of an object; "null" for null, and "?" if there is none.
std::string type_of(const nlohmann::json& part);

}  // namespace flam
