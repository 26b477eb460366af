#include "bpe_json.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "framework/sdk.h"

namespace flam {

using Json = nlohmann::json;

namespace {
constexpr size_t kLargestFile = 64u << 20;
constexpr int kDeepest = 16;
}  // namespace

Json read_bpe_json(const std::filesystem::path& path) {
  const std::string bytes = read_file(path, kLargestFile);
  std::vector<std::unordered_set<std::string>> keys;  // of each object that is still open
  const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kDeepest)
      throw Error(cat(quoted(path.string()), " is nested more than ", kDeepest, " levels deep"));
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto& name = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(name).second)
        throw Error(cat(quoted(path.string()), " has the key ", quoted(name), " twice"));
    }
    return true;
  };
  try {
    return Json::parse(bytes, check);
  } catch (const Json::parse_error& error) {
    const size_t at = std::min(bytes.size(), error.byte > 0 ? error.byte - 1 : 0);
    const size_t line_start = bytes.rfind('\n', at == 0 ? 0 : at - 1);
    const size_t begin = at == 0 || line_start == std::string::npos ? 0 : line_start + 1;
    const auto line = std::count(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    const size_t shown = std::min<size_t>(40, at - begin);
    throw Error(
        {std::make_shared<const std::string>(path.string()), static_cast<int>(line + 1),
         static_cast<int>(at - begin + 1)},
        cat("not JSON: ", printable(std::string_view(bytes).substr(at - shown, shown + 1)), " ← here"));
  } catch (const Json::exception& error) {
    throw Error(cat(quoted(path.string()), " can't be read as JSON: ", printable(error.what())));
  }
}

const Json& member(const Json& object, const char* key) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::string type_of(const Json& part) {
  if (part.is_null()) return "null";
  const Json& type = member(part, "type");
  return type.is_string() ? type.get<std::string>() : "?";
}

}  // namespace flam
