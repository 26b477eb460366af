// dataset `image_folder`: the pictures of a folder, with captions or questions from a JSON-lines file.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

#include "framework/sdk.h"

namespace flam {

namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestLine = size_t{16} << 20;

struct ImageFolderParams {
  std::string folder;
  std::string annotations = "annotations.jsonl";

  void visit(ParamVisitor& v) {
    v("folder", folder, "folder of the pictures", required(), path());
    v("annotations", annotations,
      "JSON-lines file below the folder: {\"image\": FILE, \"question\": TEXT, \"references\": [TEXT, …], "
      "\"candidates\": [TEXT, …]}; question for task heads that need one, candidates for questions with "
      "their own");
  }
};

struct Annotation {
  std::string image, question;
  std::vector<std::string> references, candidates;
};

class ImageFolder final : public Dataset {
 public:
  ImageFolder(const ImageFolderParams& params, const Input& input) : with_candidates_(input.with_candidates) {
    const fs::path file = fs::path(params.folder) / params.annotations;
    const auto mapped = MappedFile::open(file);  // refuses pipes, devices and folders
    const std::string source = printable(file.string(), 4096);
    int64_t line_number = 0;
    for (std::string_view rest = mapped->size() > 0 ? mapped->bytes() : ""; !rest.empty();) {
      const std::string place = cat(source, ":", ++line_number);
      const size_t end = std::min(rest.substr(0, kLongestLine + 1).find('\n'), rest.size());
      if (end > kLongestLine) throw Error(cat(place, ": the line has more than ", kLongestLine, " bytes"));
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      annotations_.push_back(parse(line, place, params.folder, input.with_question));
      if (input.limit && static_cast<int64_t>(annotations_.size()) >= *input.limit) break;
    }
    if (annotations_.empty()) throw Error(cat("'", source, "' has no records"));
  }

  int64_t size() const override { return static_cast<int64_t>(annotations_.size()); }

  Record at(int64_t index) const override {
    const Annotation& annotation = annotations_.at(static_cast<size_t>(index));
    Record record;
    record.request.id = annotation.image;
    record.request.parts.push_back({Part::Kind::image, "", {PictureSource{annotation.image, nullptr, {}}}});
    if (!annotation.question.empty())
      record.request.parts.push_back({Part::Kind::text, annotation.question, {}});
    record.references = annotation.references;
    if (with_candidates_) record.request.candidates = annotation.candidates;
    return record;
  }

 private:
  static Annotation parse(std::string_view line, const std::string& place, const fs::path& folder,
                          bool with_question) {
    nlohmann::json node;
    const auto shallow = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
      if (depth > 16) throw Error(cat(place, ": the JSON is nested too deeply"));
      return true;
    };
    try {
      node = nlohmann::json::parse(line, shallow);
    } catch (const nlohmann::json::exception&) {
      throw Error(
          cat(place, ": not JSON; expected {\"image\": FILE, \"references\": [TEXT, …]} on one line"));
    }
    const auto text = [&](const char* key) -> std::string {
      if (!node.is_object() || !node.contains(key) || !node[key].is_string()) {
        throw Error(cat(place, ": expected `", key, "` with a text"));
      }
      return node[key].get<std::string>();
    };
    const auto texts = [&](const std::string& key) {
      if (!node.contains(key) || !node[key].is_array() || node[key].empty())
        throw Error(cat(place, ": expected `", key, "` with a list of at least one text"));
      std::vector<std::string> out;
      for (const auto& element : node[key]) {
        if (!element.is_string()) throw Error(cat(place, ": `", key, "` must be a list of texts"));
        out.push_back(element.get<std::string>());
      }
      return out;
    };
    const std::string image = text("image");
    if (image.find('\0') != std::string::npos)  // the file name would end there
      throw Error(cat(place, ": `image` must be a path, found ", quoted(image)));
    Annotation out{(folder / image).string(), with_question ? text("question") : "", texts("references"), {}};
    if (node.contains("candidates")) out.candidates = texts("candidates");
    if (out.candidates.size() == 1) throw Error(cat(place, ": `candidates` must have at least two texts"));
    return out;
  }

  bool with_candidates_;
  std::vector<Annotation> annotations_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<ImageFolder, ImageFolderParams>(
      "image_folder", "pictures in a folder, with a JSON-lines file of captions or questions");
}

}  // namespace flam
