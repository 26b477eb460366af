#include "bpe_json.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "framework/sdk.h"

namespace flam {

using Json = nlohmann::json;

namespace {

constexpr size_t kLargestFile = 64u << 20;
constexpr size_t kDeepest = 16;

/// Refuses what Json::parse() would read: deep nesting, and a key that an object has twice. It is a pass of
/// its own, because parsing with a callback takes several times as long as both passes.
class Check final : public nlohmann::json_sax<Json> {
 public:
  explicit Check(const std::string& path) : path_(path) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool start_array(size_t) override { return open(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second)
      throw Error(cat(quoted(path_), " has the key ", quoted(name), " twice"));
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;  // parse() reports it
  }

 private:
  bool open() {
    if (keys_.size() == kDeepest)
      throw Error(cat(quoted(path_), " is nested more than ", kDeepest, " levels deep"));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }

  const std::string& path_;
  std::vector<std::unordered_set<std::string>> keys_;  // of each object or array that is still open
};

}  // namespace

Json read_bpe_json(const std::filesystem::path& path) {
  const std::string bytes = read_file(path, kLargestFile);
  const std::string name = path.string();
  Check check(name);
  Json::sax_parse(bytes, &check);
  try {
    return Json::parse(bytes);
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
