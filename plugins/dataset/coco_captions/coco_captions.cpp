// dataset `coco_captions`: pictures with several captions each, from the annotation files of COCO and NoCaps,
// or from Karpathy's files of splits (COCO, Flickr30k, Flickr8k).
#include <algorithm>
#include <filesystem>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "plugins/dataset/shared/entries.h"

namespace flam {

namespace {

namespace fs = std::filesystem;

struct CocoCaptionsParams : EntryParams {
  std::string annotations, split, question;
  std::string kind = "auto";

  void visit(ParamVisitor& v) {
    v("annotations", annotations,
      "captions_val2014.json of COCO, nocaps_val_4500_captions.json of NoCaps, or Karpathy's "
      "dataset_coco.json or "
      "dataset_flickr30k.json",
      required(), path());
    v("split", split,
      "which pictures of Karpathy's file: train, restval, val or test, or several as in train+restval; \"\": "
      "all");
    v("question", question, "asked with each picture, for task heads that need a question");
    v("kind", kind,
      "the field of an image that gives the kind of record; auto: `domain`, which the images of NoCaps have; "
      "\"\": "
      "none");
    EntryParams::visit(v);
  }
};

/// The parts of "train+restval".
std::vector<std::string> splits_of(const std::string& text) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin <= text.size() && !text.empty();) {
    const size_t end = std::min(text.find('+', begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

/// Reads the entries of an annotations file, with all captions of each picture.
class CaptionReader {
 public:
  CaptionReader(const CocoCaptionsParams& params, const SourceFile& file)
      : params_(params),
        file_(file),
        splits_(splits_of(params.split)),
        kind_(kind_field(params.kind, "domain")) {}

  std::vector<Entry> read() {
    const auto found =
        read_json_records(file_, {{"images", [&](const FileRecord& image) { add_image(image); }},
                                  {"annotations", [&](const FileRecord& r) { add_caption(r); }}});
    if (std::find(found.begin(), found.end(), "images") == found.end()) {
      throw Error(
          cat(quoted(file_.path()),
              " has no list `images`; expected annotations in the format of COCO or of Karpathy's splits"));
    }
    check_splits();
    refuse_duplicate_ids(entries_, file_);
    add_captions_to_images();
    return std::move(entries_);
  }

 private:
  void add_image(const FileRecord& image) {
    if (image.find("sentences")) {
      add_karpathy(image);
      return;
    }
    Entry entry;
    entry.id = entry.image_id = image.id("id");
    entry.pictures = {image.file_name("file_name")};
    entry.kind = kind_of(image, kind_);
    entry.offset = image.offset();
    entries_.push_back(std::move(entry));
  }

  void add_karpathy(const FileRecord& image) {
    is_karpathy_ = true;
    std::string split = image.text("split");
    const bool wanted = splits_.empty() || std::find(splits_.begin(), splits_.end(), split) != splits_.end();
    splits_found_.insert(std::move(split));
    if (!wanted) return;
    Entry entry;
    entry.id = entry.image_id = image.id(image.find("cocoid") ? "cocoid" : "imgid");
    const std::string name = image.file_name("filename");
    entry.pictures = {image.find("filepath") ? (subfolder(image.file_name("filepath")) / name).string()
                                             : name};
    entry.references = image.texts("sentences", "raw");
    if (entry.references.empty()) image.fail("expected at least one caption in `sentences`");
    entry.kind = kind_of(image, kind_);
    entry.offset = image.offset();
    entries_.push_back(std::move(entry));
  }

  /// "val2014" if `images` has such a subfolder; the pictures may as well be in the folder itself.
  fs::path subfolder(const std::string& name) {
    const auto [found, is_new] = subfolders_.emplace(name, fs::path());
    if (is_new && fs::is_directory(fs::path(params_.images) / name)) found->second = name;
    return found->second;
  }

  void add_caption(const FileRecord& record) {
    const RecordId id = record.find("id") ? record.id("id") : RecordId();
    if (!id.text.empty() && !caption_ids_.insert(id.text).second)
      record.fail(cat("the id ", quoted(id.text), " is already that of another caption"));
    captions_.push_back({record.id("image_id").text, record.text("caption"), record.offset()});
  }

  /// Which may come first in the file.
  void add_captions_to_images() {
    std::unordered_map<std::string, size_t> index;
    for (size_t i = 0; i < entries_.size(); ++i) index.emplace(entries_[i].image_id.text, i);
    for (size_t i = 0; i < captions_.size(); ++i) {
      Caption& caption = captions_[i];
      const auto image = index.find(caption.image);
      if (image == index.end()) {
        throw Error(file_.place(caption.offset),
                    cat("annotations[", i, "]: the image_id ", quoted(caption.image),
                        " is none of the file's `images`"));
      }
      entries_[image->second].references.push_back(std::move(caption.text));
    }
    if (captions_.empty()) return;  // a test set, or Karpathy's file
    for (const Entry& entry : entries_) {
      if (!entry.references.empty()) continue;
      throw Error(file_.place(entry.offset),
                  cat("the image ", quoted(entry.id.text), " has no caption among the file's `annotations`"));
    }
  }

  void check_splits() const {
    if (splits_.empty()) return;
    const std::vector<std::string> found(splits_found_.begin(), splits_found_.end());
    if (!is_karpathy_)
      throw Error(cat("`split` is ", quoted(params_.split), ", but the images of ", quoted(file_.path()),
                      " name no split, as those of Karpathy's files do"));
    for (const std::string& split : splits_) {
      if (splits_found_.contains(split)) continue;
      throw Error(cat("`split`: ", quoted(file_.path()), " has no images of the split ", quoted(split),
                      did_you_mean(split, found), " (its splits: ", join(found, ", "), ")"));
    }
  }

  struct Caption {
    std::string image, text;
    size_t offset;
  };

  const CocoCaptionsParams& params_;
  const SourceFile& file_;
  std::vector<std::string> splits_;
  KindField kind_;
  std::vector<Entry> entries_;
  std::vector<Caption> captions_;
  std::unordered_set<std::string> caption_ids_;
  std::map<std::string, fs::path> subfolders_;
  std::set<std::string> splits_found_;
  bool is_karpathy_ = false;
};

class CocoCaptions final : public EntryDataset {
 public:
  CocoCaptions(const CocoCaptionsParams& params, const Input& input) : EntryDataset(params.images, "images") {
    if (input.with_question && params.question.empty()) {
      throw Error(
          "the task head needs a question with each picture; set `question`, such as \"What is shown?\"");
    }
    const SourceFile file(params.annotations);
    std::vector<Entry> entries = CaptionReader(params, file).read();
    if (input.with_question)
      for (Entry& entry : entries) entry.question = params.question;
    set_entries(std::move(entries), file, params, input);
  }
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<CocoCaptions, CocoCaptionsParams>(
      "coco_captions",
      "pictures with captions, from the files of COCO, NoCaps, Flickr30k or Karpathy's splits");
}

}  // namespace flam
