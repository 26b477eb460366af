// dataset `vqa`: pictures with a question and the answers of people, from the files of VQAv2, OK-VQA, VizWiz,
// TextVQA, GQA and A-OKVQA.
#include <algorithm>
#include <unordered_map>

#include "plugins/dataset/shared/entries.h"

namespace flam {

namespace {

/// Where a format has what. The names are those in the published files.
struct Format {
  const char* name;
  const char* list;         // of the questions
  const char* question_id;  // "": the record's key
  const char* image_id;
  const char* answers;     // "": they are in a file of their own
  const char* image_name;  // pattern of the pictures' file names
  const char* kind;        // field that gives Record::kind; "": none
};

enum class FormatName { vqav2, vizwiz, textvqa, gqa, aokvqa };
constexpr Format kFormats[] = {
    {"vqav2", "questions", "question_id", "image_id", "", "COCO_{data_subtype}_{image_id:012}.jpg",
     "answer_type"},
    {"vizwiz", "", "image", "image", "answers", "{image_id}", "answer_type"},
    {"textvqa", "data", "question_id", "image_id", "answers", "{image_id}.jpg", ""},
    {"gqa", kMembers, "", "imageId", "answer", "{image_id}.jpg", "types.structural"},
    {"aokvqa", "", "question_id", "image_id", "direct_answers", "{image_id:012}.jpg", ""},
};

struct VqaParams : EntryParams {
  std::string questions, annotations, image_name;
  std::string kind = "auto";
  FormatName format = FormatName::vqav2;

  void visit(ParamVisitor& v) {
    v("format", format, "vqav2 is also the format of OK-VQA",
      choices(kFormats[0].name, kFormats[1].name, kFormats[2].name, kFormats[3].name, kFormats[4].name));
    v("questions", questions, "JSON file of the questions; in all formats but vqav2, it has the answers too",
      required(), path());
    v("annotations", annotations, "vqav2: JSON file of the answers; \"\": none, as for a test set", path());
    v("image_name", image_name,
      "file names of the pictures, a pattern with {image_id}, or {image_id:012} for zeros in front up to 12 "
      "digits, and for vqav2 {data_subtype}, which the file of questions names (test-dev2015 becomes "
      "test2015); "
      "\"\": COCO_{data_subtype}_{image_id:012}.jpg for vqav2, {image_id} for vizwiz, {image_id}.jpg for "
      "textvqa "
      "and gqa, {image_id:012}.jpg for aokvqa");
    v("kind", kind,
      "the field of a question or its annotation that gives the kind of record, such as question_type; auto: "
      "answer_type for vqav2 and vizwiz, types.structural for gqa, otherwise none; \"\": none");
    EntryParams::visit(v);
  }
};

/// Reads questions with their answers.
class QuestionReader {
 public:
  QuestionReader(const VqaParams& params, const SourceFile& file, bool with_candidates)
      : params_(params),
        format_(kFormats[static_cast<size_t>(params.format)]),
        file_(file),
        kind_(kind_field(params.kind, format_.kind)),
        with_candidates_(with_candidates) {}

  std::vector<Entry> read() {
    if (!params_.annotations.empty()) {
      if (*format_.answers) {
        throw Error(cat("`annotations` is for the format vqav2; in the format ", format_.name,
                        ", the answers are in the file that `questions` names"));
      }
      read_annotations();
    }
    std::map<std::string, TakeRecord> lists = {{format_.list, [&](const FileRecord& r) { add_question(r); }}};
    if (params_.format == FormatName::vqav2)
      lists["data_subtype"] = [&](const FileRecord& record) { set_subtype(record); };
    const auto found = read_json_records(file_, lists);
    if (std::find(found.begin(), found.end(), format_.list) == found.end()) {
      throw Error(cat(quoted(file_.path()), " has no list `", format_.list,
                      "`; expected a file in the format ", format_.name, "; `format` names others"));
    }
    refuse_duplicate_ids(entries_, file_);
    if (const Entry* without = without_answer(); without && some_answers_) {
      throw Error(
          file_.place(without->offset),
          cat("the question ", quoted(without->id.text), " has no answer",
              params_.annotations.empty() ? ", but others have" : cat(" in ", quoted(params_.annotations)),
              "; expected answers to all questions, or to none, as in a test set"));
    }
    for (Entry& entry : entries_) entry.pictures = {picture_of(entry)};
    return std::move(entries_);
  }

 private:
  struct Annotation {
    std::vector<std::string> answers;
    std::string kind;
    RecordId image_id;
    size_t offset = 0;
  };

  void read_annotations() {
    const SourceFile& file = annotations_file_.emplace(params_.annotations);
    const auto add = [&](const FileRecord& record) {
      const std::string id = record.id("question_id").text;
      Annotation annotation{record.texts("answers", "answer"), kind_in(record), {}, record.offset()};
      if (record.find("image_id")) annotation.image_id = record.id("image_id");
      if (annotation.answers.empty()) record.fail("expected at least one answer in `answers`");
      const auto [first, is_new] = annotations_.emplace(id, std::move(annotation));
      if (is_new) return;
      record.fail(cat("the question_id ", quoted(id), " is already that of the annotation at ",
                      file.place(first->second.offset).str()));
    };
    const auto found = read_json_records(file, {{"annotations", add}});
    if (found.empty()) {
      throw Error(
          cat(quoted(file.path()), " has no list `annotations`; expected {\"annotations\": [{…}, …]}"));
    }
    some_answers_ = true;
  }

  void add_question(const FileRecord& record) {
    Entry entry;
    entry.id = entry.question_id =
        *format_.question_id ? record.id(format_.question_id) : RecordId{std::string(record.key()), false};
    entry.image_id = record.id(format_.image_id);
    entry.question = record.text("question");
    entry.offset = record.offset();
    if (!*format_.answers) {
      const auto found = annotations_.find(entry.id.text);
      if (found != annotations_.end()) {
        require_same_picture(record, entry, found->second);
        entry.references = std::move(found->second.answers);
        entry.kind = std::move(found->second.kind);
      }
    } else if (record.find(format_.answers)) {
      entry.references = record.texts(format_.answers, "answer");
      if (entry.references.empty())
        record.fail(cat("expected at least one answer in `", format_.answers, "`"));
      some_answers_ = true;
    }
    if (entry.kind.empty()) entry.kind = kind_in(record);
    put_most_frequent_first(entry.references);
    if (with_candidates_ && record.find("choices")) add_choices(record, entry);
    if (kind_.required && entry.kind.empty()) {
      record.fail(cat("expected the field `", kind_.field, "`, which the parameter `kind` names, here",
                      params_.annotations.empty() ? "" : " or in its annotation", "; it is missing"));
    }
    entries_.push_back(std::move(entry));
  }

  void require_same_picture(const FileRecord& record, const Entry& entry, const Annotation& annotation) {
    const std::string& theirs = annotation.image_id.text;
    if (theirs.empty() || theirs == entry.image_id.text) return;
    record.fail(cat("the image_id is ", quoted(entry.image_id.text), ", but that of its annotation at ",
                    annotations_file_->place(annotation.offset).str(), " is ", quoted(theirs),
                    "; expected annotations of these questions"));
  }

  /// The choices of A-OKVQA. The answer among them is the only reference.
  void add_choices(const FileRecord& record, Entry& entry) {
    entry.candidates = record.texts("choices");
    if (!record.find("correct_choice_idx")) return;
    const int64_t correct = record.integer("correct_choice_idx");
    if (correct < 0 || correct >= std::ssize(entry.candidates)) {
      record.fail(cat("`correct_choice_idx` is ", correct, "; expected 0 to ",
                      std::ssize(entry.candidates) - 1, ", as there are ", entry.candidates.size(),
                      " `choices`"));
    }
    entry.references = {entry.candidates[static_cast<size_t>(correct)]};
  }

  void set_subtype(const FileRecord& record) {
    if (!record.value().is_string()) record.fail("expected a text");
    subtype_ = record.value().get<std::string>();
    if (subtype_ == "test-dev2015") subtype_ = "test2015";  // a part of the test set, with the same pictures
  }

  std::string picture_of(const Entry& entry) const {
    const bool own = !params_.image_name.empty();
    const std::string pattern = own ? params_.image_name : format_.image_name;
    std::vector<std::pair<std::string, std::string>> values = {{"image_id", entry.image_id.text}};
    if (!subtype_.empty()) values.emplace_back("data_subtype", subtype_);
    if (!own && params_.format == FormatName::vqav2 && subtype_.empty()) {
      throw Error(
          cat(quoted(file_.path()),
              " has no `data_subtype`, which is in the names of COCO's pictures; set `image_name`, such as "
              "\"COCO_val2014_{image_id:012}.jpg\""));
    }
    return fill_pattern(pattern, values);
  }

  const Entry* without_answer() const {
    const auto found =
        std::find_if(entries_.begin(), entries_.end(), [](const Entry& e) { return e.references.empty(); });
    return found == entries_.end() ? nullptr : &*found;
  }

  std::string kind_in(const FileRecord& record) const { return kind_of(record, {kind_.field, false}); }

  const VqaParams& params_;
  const Format& format_;
  const SourceFile& file_;
  KindField kind_;
  bool with_candidates_;
  std::optional<SourceFile> annotations_file_;
  std::unordered_map<std::string, Annotation> annotations_;
  std::vector<Entry> entries_;
  std::string subtype_;
  bool some_answers_ = false;
};

class Vqa final : public EntryDataset {
 public:
  Vqa(const VqaParams& params, const Input& input) : EntryDataset(params.images, "images") {
    const SourceFile file(params.questions);
    set_entries(QuestionReader(params, file, input.with_candidates).read(), file, params, input);
  }
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<Vqa, VqaParams>("vqa",
                                "pictures with questions and answers, from the files of VQAv2, OK-VQA, "
                                "VizWiz, TextVQA, GQA or A-OKVQA");
}

}  // namespace flam
