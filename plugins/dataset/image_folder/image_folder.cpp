// dataset `image_folder`: the pictures of a folder, with captions or questions from a JSON-lines file, or
// with the names of the subfolders that they are in.
#include <ATen/ops/full.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

#include "framework/sdk.h"
#include "plugins/dataset/image_folder/class_folders.h"

namespace flam {

namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestLine = size_t{16} << 20;

struct ImageFolderParams {
  std::string folder;
  std::string annotations, classes, features;

  void visit(ParamVisitor& v) {
    v("folder", folder, "folder of the pictures", required(), path());
    v("annotations", annotations,
      "JSON-lines file below the folder: {\"image\": FILE, \"question\": TEXT, \"references\": [TEXT, …], "
      "\"candidates\": [TEXT, …]}; question for task heads that need one, candidates for questions with "
      "their own. \"\": annotations.jsonl if it is there, or else each subfolder is a class of pictures "
      "whose reference is the subfolder's name");
    v("classes", classes,
      "text file whose lines begin with the names of the subfolders, in the order of the classes, and may go "
      "on after a tab; \"\": the sorted names",
      path());
    v("features", features,
      "file that `flam features` wrote of the pictures, whose features are given instead of them; \"\": none",
      path());
  }
};

struct Annotation {
  std::string image, question;
  std::vector<std::string> references, candidates;
  int64_t label = 0;  // in class folders
};

class ImageFolder final : public Dataset {
 public:
  ImageFolder(const ImageFolderParams& params, const Input& input) : with_candidates_(input.with_candidates) {
    const bool named = !params.annotations.empty();
    const fs::path file = fs::path(params.folder) / (named ? params.annotations : "annotations.jsonl");
    if (named || fs::exists(file)) {
      read_annotations(params, file, input);
    } else {
      read_classes(params, input);
    }
    if (params.features.empty()) return;
    features_.emplace(params.features);
    for (const Annotation& annotation : annotations_) features_->of(annotation.image);  // or an error
  }

  int64_t size() const override { return static_cast<int64_t>(annotations_.size()); }

  Record at(int64_t index) const override {
    const Annotation& annotation = annotations_.at(static_cast<size_t>(index));
    Record record;
    record.request.id = annotation.image;
    PictureSource picture;
    if (features_) {
      picture.features = features_->of(annotation.image);
    } else {
      picture.path = annotation.image;
    }
    record.request.parts.push_back({Part::Kind::image, "", {std::move(picture)}});
    if (!annotation.question.empty())
      record.request.parts.push_back({Part::Kind::text, annotation.question, {}});
    record.references = annotation.references;
    if (!classes_.empty()) record.media_labels = at::full({1, 1}, annotation.label, at::kLong);
    if (with_candidates_) record.request.candidates = classes_.empty() ? annotation.candidates : classes_;
    return record;
  }

  std::vector<int64_t> media_label_classes() const override {
    if (classes_.empty()) return {};
    return {std::ssize(classes_)};
  }
  std::vector<std::string> class_names() const override { return classes_; }

 private:
  void read_annotations(const ImageFolderParams& params, const fs::path& file, const Input& input) {
    if (!params.classes.empty()) {
      throw Error(
          cat("`classes` is for a folder with a subfolder for each class, but this one has the annotations ",
              quoted(file.string())));
    }
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

  void read_classes(const ImageFolderParams& params, const Input& input) {
    if (input.with_question) {
      throw Error(cat(quoted(params.folder),
                      " has no annotations.jsonl, and the pictures in subfolders have no questions; use a "
                      "task head without questions, or write annotations"));
    }
    ClassFolders found = read_class_folders(params.folder, params.classes);
    classes_ = std::move(found.names);
    // Shuffled, because training takes the records in order, and a batch should have several classes.
    Random random(static_cast<uint64_t>(input.seed.value_or(0)));
    for (size_t left = found.pictures.size(); left > 1; --left)
      std::swap(found.pictures[left - 1], found.pictures[random.below(left)]);
    if (input.limit && *input.limit < std::ssize(found.pictures))
      found.pictures.resize(static_cast<size_t>(*input.limit));
    for (auto& [path, label] : found.pictures)
      annotations_.push_back({std::move(path), "", {classes_[static_cast<size_t>(label)]}, {}, label});
  }

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
    Annotation out{
        (folder / image).string(), with_question ? text("question") : "", texts("references"), {}, 0};
    if (node.contains("candidates")) out.candidates = texts("candidates");
    if (out.candidates.size() == 1) throw Error(cat(place, ": `candidates` must have at least two texts"));
    return out;
  }

  bool with_candidates_;
  std::vector<Annotation> annotations_;
  std::vector<std::string> classes_;  // empty: there are annotations
  std::optional<StoredFeatures> features_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<ImageFolder, ImageFolderParams>("image_folder",
                                                "pictures in a folder, with a JSON-lines file of captions or "
                                                "questions, or in a subfolder for each class");
}

}  // namespace flam
