// dataset `image_folder`: the pictures of a folder, with captions or questions from a JSON-lines file beside
// them.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/sdk.h"

namespace flam {

namespace {

namespace fs = std::filesystem;

struct ImageFolderParams {
  std::string folder;
  std::string annotations = "annotations.jsonl";

  void visit(ParamVisitor& v) {
    v("folder", folder, "where the pictures are", required(), path());
    v("annotations", annotations,
      "JSON lines below the folder: {\"image\": FILE, \"question\": TEXT, \"references\": [TEXT, …], "
      "\"candidates\": [TEXT, …]}; question for task heads that need one, candidates where a question has "
      "its own");
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
    std::ifstream in(file);
    if (!in) throw Error(cat(quoted(file.string()), " can't be read"));
    const auto source = file.string();
    int line_number = 0;
    for (std::string line; std::getline(in, line);) {
      ++line_number;
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      annotations_.push_back(parse(line, cat(source, ":", line_number), params.folder, input.with_question));
      if (input.limit && static_cast<int64_t>(annotations_.size()) >= *input.limit) break;
    }
    if (annotations_.empty()) throw Error(cat(quoted(source), " holds no records"));
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
  static Annotation parse(const std::string& line, const std::string& place, const fs::path& folder,
                          bool with_question) {
    nlohmann::json node;
    try {
      node = nlohmann::json::parse(line);
    } catch (const nlohmann::json::exception&) {
      throw Error(
          cat(place, ": not JSON; expected {\"image\": FILE, \"references\": [TEXT, …]} on one line"));
    }
    const auto text = [&](const char* key) -> std::string {
      if (!node.is_object() || !node.contains(key) || !node[key].is_string()) {
        throw Error(cat(place, ": expected a text `", key, "`"));
      }
      return node[key].get<std::string>();
    };
    const auto texts = [&](const std::string& key) {
      if (!node.contains(key) || !node[key].is_array() || node[key].empty())
        throw Error(cat(place, ": expected a list `", key, "` with at least one text"));
      std::vector<std::string> out;
      for (const auto& element : node[key]) {
        if (!element.is_string()) throw Error(cat(place, ": `", key, "` must hold texts"));
        out.push_back(element.get<std::string>());
      }
      return out;
    };
    Annotation out{
        (folder / text("image")).string(), with_question ? text("question") : "", texts("references"), {}};
    if (node.contains("candidates")) out.candidates = texts("candidates");
    if (out.candidates.size() == 1) throw Error(cat(place, ": `candidates` must hold at least two texts"));
    return out;
  }

  bool with_candidates_;
  std::vector<Annotation> annotations_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<ImageFolder, ImageFolderParams>(
      "image_folder", "pictures of a folder with a JSON-lines file of captions or questions");
}

}  // namespace flam
