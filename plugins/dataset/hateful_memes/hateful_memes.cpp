// dataset `hateful_memes`: the memes of the Hateful Memes Challenge, with a question that is answered by no
// or yes.
#include "plugins/dataset/shared/entries.h"

namespace flam {

namespace {

struct HatefulMemesParams : EntryParams {
  std::string annotations;
  std::string question = "is an image with: '{text}' written on it. Is it hateful?";
  std::vector<std::string> candidates = {"no", "yes"};

  void visit(ParamVisitor& v) {
    v("annotations", annotations, "train.jsonl, dev_seen.jsonl, test_seen.jsonl, …", required(), path());
    v("question", question,
      "the question about each meme, for task heads that need one; {text} is the text of the meme. By "
      "default, the "
      "one of open-flamingo's evaluation");
    v("candidates", candidates, "the answers for the labels 0 and 1");
    EntryParams::visit(v);
  }
};

class HatefulMemes final : public EntryDataset {
 public:
  HatefulMemes(const HatefulMemesParams& params, const Input& input) : EntryDataset(params.images, "images") {
    if (params.candidates.size() != 2)
      throw Error(
          cat("`candidates` has ", params.candidates.size(), " texts; expected two, for the labels 0 and 1"));
    const SourceFile file(params.annotations);
    std::vector<Entry> entries;
    read_json_lines(file, [&](const FileRecord& record) {
      Entry entry;
      entry.id = entry.image_id = record.id("id");
      entry.pictures = {record.file_name("img")};
      if (input.with_question)
        entry.question = fill_pattern(params.question, {{"text", record.text("text")}});
      if (input.with_candidates) entry.candidates = params.candidates;
      if (record.find("label")) {  // absent in test sets
        const int64_t label = record.integer("label");
        if (label != 0 && label != 1) record.fail(cat("`label` is ", label, "; expected 0 or 1"));
        entry.references = {params.candidates[static_cast<size_t>(label)]};
      }
      if (!entries.empty() && entries.front().references.empty() != entry.references.empty())
        record.fail(
            "some records have a `label`, others do not; expected it in all, or in none, as in a test set");
      entry.offset = record.offset();
      entries.push_back(std::move(entry));
    });
    set_entries(std::move(entries), file, params, input);
  }
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<HatefulMemes, HatefulMemesParams>(
      "hateful_memes", "memes that are hateful or not, from the files of the Hateful Memes Challenge");
}

}  // namespace flam
