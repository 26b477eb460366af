#include "framework/request/shots_file.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "framework/base/error.h"
#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/config/json_reader.h"
#include "framework/media/picture_header.h"
#include "framework/report/json.h"
#include "framework/report/path_text.h"
#include "framework/request/video_json.h"

namespace flam {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMostShots = 10'000;
constexpr const char* kSpaces = " \t\r\n";
constexpr const char* kTexts[] = {"caption", "text", "class", "answer"};  // of a shot without a question

/// The objects of JSON lines. Each line is parsed behind as many line ends as precede it, so that its values
/// know their places in the file.
std::vector<Value> parse_lines(const std::string& text, const std::string& name) {
  std::vector<Value> out;
  std::string before;
  for (size_t begin = 0; begin < text.size(); before += '\n') {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.find_first_not_of(kSpaces) == std::string::npos) continue;
    out.push_back(parse_json(before + line, name));
    if (out.size() > kMostShots) break;
  }
  return out;
}

class ShotReader {
 public:
  ShotReader(const fs::path& folder, bool with_question) : folder_(folder), with_question_(with_question) {}

  void add(const Value& shot, Shots& out) const {
    if (!shot.is_map()) throw Error(shot.where(), cat("a shot must be an object, found ", shot.describe()));
    check_keys(shot);
    std::vector<Part>& parts = out.request.parts;
    parts.push_back(is_video(shot) ? video(shot)
                                   : Part{Part::Kind::image, "", {picture(member(shot, "image"))}});
    out.ids.push_back(shot.find("id") ? text(member(shot, "id"))
                                      : path_text(parts.back().pictures.front().path));
    if (with_question_) {
      for (const char* key : {"question", "answer"})
        parts.push_back({Part::Kind::text, text(member(shot, key)), {}});
    } else {
      parts.push_back({Part::Kind::text, text(member(shot, text_key(shot))), {}});
    }
  }

 private:
  static bool is_video(const Value& shot) { return shot.find("frames") || shot.find("video"); }

  void check_keys(const Value& shot) const {
    std::vector<std::string> known = {"id"};
    if (is_video(shot)) {
      known.insert(known.end(), std::begin(kVideoKeys), std::end(kVideoKeys));
    } else {
      known.emplace_back("image");
    }
    if (with_question_) {
      known.insert(known.end(), {"question", "answer"});
    } else {
      known.insert(known.end(), std::begin(kTexts), std::end(kTexts));
    }
    for (const auto& given : shot.as_map()) {
      if (std::ranges::find(known, given.key) != known.end()) continue;
      throw Error(given.key_where, cat("a shot ", with_question_ ? "of a model that answers questions " : "",
                                       "has no ", quoted(given.key), did_you_mean(given.key, known),
                                       " (known: ", join(known, ", "), ")"));
    }
  }

  static const char* text_key(const Value& shot) {
    const char* found = nullptr;
    for (const char* key : kTexts) {
      if (!shot.find(key)) continue;
      if (found) throw Error(shot.where(), cat("a shot has one text, found `", found, "` and `", key, "`"));
      found = key;
    }
    return found ? found : "caption";
  }

  static const Value& member(const Value& shot, const char* key) {
    if (const Value* value = shot.find(key)) return *value;
    throw Error(shot.where(), cat("the shot has no `", key, "`"));
  }

  static std::string text(const Value& value) {
    if (!value.is_string() || value.as_string().find_first_not_of(kSpaces) == std::string::npos)
      throw Error(value.where(), cat("expected a text that is not empty, found ", value.describe()));
    return value.as_string();
  }

  std::string path_to(const Value& value, const char* what) const {
    const std::string name = text(value);
    if (name.find('\0') != std::string::npos)
      throw Error(value.where(), cat("a ", what, " must be a path, found ", quoted(name)));
    const fs::path path = folder_ / path_of_text(name);
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored))
      throw Error(value.where(), cat("no ", what, " file ", quoted(path.string())));
    return path.string();
  }

  PictureSource picture(const Value& value) const {
    const std::string path = path_to(value, "picture");
    try {
      static_cast<void>(read_picture_header(MappedFile::open(path)->bytes(), path));
    } catch (const Error& error) {
      throw Error(value.where(), error.what());
    }
    return {path, nullptr, {}};
  }

  Part video(const Value& shot) const {
    nlohmann::json object = nlohmann::json::object();
    for (const char* key : kVideoKeys) {
      if (const Value* value = shot.find(key))
        object[key] = nlohmann::json::parse(json_line(to_json(*value)));
    }
    if (const Value* file = shot.find("video")) {
      static_cast<void>(path_to(*file, "video"));
    } else if (const Value& frames = member(shot, "frames"); frames.is_list()) {
      for (const Value& frame : frames.as_list()) static_cast<void>(picture(frame));
    }
    try {
      return video_part(object, [&](const nlohmann::json& path) {
        return PictureSource{(folder_ / path_of_text(path.get<std::string>())).string(), nullptr, {}};
      });
    } catch (const Error& error) {
      throw Error(shot.where(), error.what());
    }
  }

  const fs::path& folder_;
  bool with_question_;
};

}  // namespace

Shots read_shots(const std::string& file, bool with_question) {
  const std::string text = read_file(file, kMaxJsonBytes), name = path_text(file);
  const size_t first = text.find_first_not_of(kSpaces);
  const bool is_list = first != std::string::npos && text[first] == '[';
  const std::vector<Value> shots = is_list ? parse_json(text, name).as_list() : parse_lines(text, name);
  if (shots.empty())
    throw Error(
        cat(printable(name, 4096), ": no shots; expected a JSON list of objects, or one object per line"));
  if (shots.size() > kMostShots)
    throw Error(shots[kMostShots].where(), cat("more than ", kMostShots, " shots"));
  const fs::path folder = fs::path(file).parent_path();
  const ShotReader reader(folder, with_question);
  Shots out;
  for (const Value& shot : shots) reader.add(shot, out);
  return out;
}

}  // namespace flam
