// dataset `webdataset`: pictures with captions or questions in tar archives ("shards"), which are read in
// place.
#include <filesystem>
#include <unordered_set>

#include "plugins/dataset/shared/entries.h"
#include "plugins/dataset/webdataset/shards.h"

namespace flam {

namespace {

constexpr int kDeepest = 32;

struct WebDatasetParams : SelectionParams {
  std::string shards;
  Extensions extensions = {{"jpg", "jpeg", "png", "webp"}, "txt", "json"};
  std::string question = "question", answers = "answers", candidates = "candidates", kind = "kind";

  void visit(ParamVisitor& v) {
    v("shards", shards,
      "one .tar file, a folder of them, or files with a range of numbers in their names, "
      "train-{000000..000009}.tar",
      required(), path());
    v("image", extensions.picture, "endings of the pictures; a sample has one of them");
    v("text", extensions.text, "ending of the text, which is the caption or the answer; \"\": none");
    v("json", extensions.json, "ending of the JSON object with the fields below; \"\": none");
    v("question", question, "its field with the question, for task heads that need one");
    v("answers", answers,
      "its field with a text or a list of texts, the correct answers; without it, the text is");
    v("candidates", candidates, "its field with a list of texts, for task heads that choose one of them");
    v("kind", kind, "its field with the kind of question");
    SelectionParams::visit(v);
  }
};

class WebDataset final : public Dataset {
 public:
  WebDataset(const WebDatasetParams& params, const Input& input)
      : params_(params), with_question_(input.with_question), with_candidates_(input.with_candidates) {
    if (params.extensions.picture.empty())
      throw Error("`image` has no endings; expected at least one, such as jpg");
    for (const std::string& path : shard_paths(params.shards)) {
      shards_.push_back(MappedFile::open(path));
      add_samples(*shards_.back(), shards_.size() - 1, params.extensions, samples_);
    }
    std::unordered_set<std::string> ids;
    for (const Sample& sample : samples_) {
      if (!ids.insert(id_of(sample)).second)
        throw Error(cat("two shards have the id ", quoted(id_of(sample)), "; rename one of the files"));
    }
    if (samples_.empty()) throw Error(cat("`shards` ", quoted(params.shards), " have no samples"));
    params_.order(samples_, input);
    select(params_.limit_of(input));
    at(0);  // a wrong name of a field is noticed now
  }

  int64_t size() const override { return std::ssize(samples_); }
  int64_t skipped() const override { return skipped_; }

  Record at(int64_t index) const override {
    const Sample& sample = samples_.at(static_cast<size_t>(index));
    Record record;
    record.request.id = id_of(sample);
    PictureSource picture;
    picture.path =
        cat(shards_[sample.shard]->path().string(), "/", sample.key, ".", sample.extension);  // a name
    picture.bytes = std::make_shared<const std::string>(bytes_of(sample, sample.picture));
    record.request.parts.push_back({Part::Kind::image, "", {std::move(picture)}});
    record.facts = Value::map();
    if (sample.json.there) {
      add_fields(sample, record);
    } else if (with_question_) {
      fail(sample, cat("the sample has no .", params_.extensions.json, " with a question"));
    }
    if (record.references.empty() && sample.text.there) record.references = {text_of(sample)};
    return record;
  }

 private:
  /// Keeps up to `limit` samples that have a picture.
  void select(std::optional<int64_t> limit) {
    std::vector<Sample> kept;
    for (Sample& sample : samples_) {
      if (limit && std::ssize(kept) >= *limit) break;
      if (sample.picture.there) {
        kept.push_back(std::move(sample));
      } else if (params_.skip_missing) {
        ++skipped_;
      } else {
        fail(sample,
             "the sample has no picture; see the parameter `image`, or set skip_missing: true to leave such "
             "samples out");
      }
    }
    if (kept.empty())
      throw Error(cat("none of the ", skipped_, " samples has a picture; see the parameter `image`"));
    samples_ = std::move(kept);
  }

  void add_fields(const Sample& sample, Record& record) const {
    const auto shallow = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
      if (depth > kDeepest) fail(sample, cat("its JSON is nested more than ", kDeepest, " levels deep"));
      return true;
    };
    nlohmann::json value;
    try {
      value = nlohmann::json::parse(bytes_of(sample, sample.json), shallow);
    } catch (const nlohmann::json::exception& error) {
      fail(sample, cat("its .", params_.extensions.json, " is not JSON: ", printable(error.what())));
    }
    const std::string place = place_of(sample);
    const FileRecord fields(value, place);
    if (!value.is_object()) fields.fail("expected an object");
    if (with_question_) record.request.parts.push_back({Part::Kind::text, fields.text(params_.question), {}});
    if (fields.find(params_.answers)) record.references = fields.texts(params_.answers);
    if (with_candidates_ && fields.find(params_.candidates))
      record.request.candidates = fields.texts(params_.candidates);
    record.kind = fields.shown(params_.kind);
    for (const char* fact : {"image_id", "question_id"})
      if (fields.find(fact)) record.facts.set(fact, fields.id(fact).value());
  }

  std::string_view bytes_of(const Sample& sample, const TarRange& range) const {
    return shards_[sample.shard]->bytes().substr(range.offset, range.size);
  }
  /// Without line ends behind it.
  std::string text_of(const Sample& sample) const {
    const std::string_view text = bytes_of(sample, sample.text);
    return std::string(text.substr(0, text.find_last_not_of("\r\n") + 1));
  }
  std::string id_of(const Sample& sample) const {
    return cat(shards_[sample.shard]->path().stem().string(), "/", sample.key);
  }
  std::string place_of(const Sample& sample) const {
    return cat(quoted(shards_[sample.shard]->path().string()), ", sample ", quoted(sample.key));
  }
  [[noreturn]] void fail(const Sample& sample, const std::string& what) const {
    throw Error(cat(place_of(sample), ": ", what));
  }

  WebDatasetParams params_;
  bool with_question_, with_candidates_;
  std::vector<std::shared_ptr<const MappedFile>> shards_;
  std::vector<Sample> samples_;
  int64_t skipped_ = 0;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<WebDataset, WebDatasetParams>(
      "webdataset", "pictures with captions or questions in tar archives, as WebDataset writes them");
}

}  // namespace flam
