// dataset `json_records`: pictures with questions or captions from a table: CSV, TSV, JSON or JSON lines,
// whose columns the config names.
#include <algorithm>
#include <filesystem>
#include <optional>

#include "plugins/dataset/json_records/csv.h"
#include "plugins/dataset/shared/entries.h"

namespace flam {

namespace {

enum class TableFormat { automatic, csv, tsv, json, jsonl };

struct Columns {
  std::string image = "image", question = "question", answers = "answers", candidates = "candidates",
              id = "id", kind = "kind";

  void visit(ParamVisitor& v) {
    v("image", image, "file of the picture, below the folder `images`");
    v("question", question, "for task heads that need a question");
    v("answers", answers, "a text or a list of texts: the correct answers or captions; a test set has none");
    v("candidates", candidates, "a list of texts, for task heads that choose one of them");
    v("id", id, "a number or a text, different in each record; without it, records are numbered from 1");
    v("kind", kind, "the kind of question, for scores by kind");
  }
};

struct JsonRecordsParams : EntryParams {
  std::string annotations, list, separator;
  TableFormat format = TableFormat::automatic;
  Columns columns;

  void visit(ParamVisitor& v) {
    v("annotations", annotations, "file of the records", required(), path());
    v("format", format,
      "of the file; auto: by the end of its name. csv and tsv have a first line with the names of the "
      "columns",
      choices("auto", "csv", "tsv", "json", "jsonl"));
    v("list", list,
      "json: the member of the document that is the list of records; \"\": the document is the list itself");
    v("separator", separator,
      "csv and tsv: what separates the answers and the candidates in their cells, such as |; \"\": each cell "
      "is one "
      "text");
    v("columns", columns,
      "names of the columns, for JSON of the fields, which may be nested (meta.question). A column that is "
      "named "
      "otherwise than by default must be in each record");
    EntryParams::visit(v);
  }
};

TableFormat format_of(const JsonRecordsParams& params) {
  if (params.format != TableFormat::automatic) return params.format;
  const std::string suffix = std::filesystem::path(params.annotations).extension().string();
  if (suffix == ".csv") return TableFormat::csv;
  if (suffix == ".tsv") return TableFormat::tsv;
  if (suffix == ".json") return TableFormat::json;
  if (suffix == ".jsonl" || suffix == ".ndjson") return TableFormat::jsonl;
  throw Error(cat("the name of ", quoted(params.annotations),
                  " does not end in .csv, .tsv, .json or .jsonl; name its `format`"));
}

class TableReader {
 public:
  TableReader(const JsonRecordsParams& params, const SourceFile& file, const Dataset::Input& input)
      : params_(params), file_(file), input_(input), format_(format_of(params)) {}

  std::vector<Entry> read() {
    const auto take = [this](const FileRecord& record) { add(record); };
    if (format_ == TableFormat::csv || format_ == TableFormat::tsv) {
      read_csv(file_, format_ == TableFormat::csv ? ',' : '\t', take);
    } else if (format_ == TableFormat::jsonl) {
      read_json_lines(file_, take);
    } else if (read_json_records(file_, {{params_.list, take}}).empty()) {
      throw Error(cat(quoted(file_.path()), " has no list ", quoted(params_.list), ", which `list` names"));
    }
    return std::move(entries_);
  }

 private:
  void add(const FileRecord& record) {
    static const Columns kDefaults;
    const auto require_named = [&](const std::string& column, const std::string& by_default) {
      if (column != by_default && !record.find(column)) record.fail(missing(record, column));
    };
    const Columns& columns = params_.columns;
    Entry entry;
    if (!record.find(columns.image)) record.fail(missing(record, columns.image));
    entry.pictures = {record.file_name(columns.image)};
    require_named(columns.id, kDefaults.id);
    if (record.find(columns.id)) {
      entry.id = entry.question_id = record.id(columns.id);
    } else {
      entry.id.text = std::to_string(entries_.size() + 1);
    }
    if (input_.with_question) {
      if (!record.find(columns.question)) record.fail(missing(record, columns.question));
      entry.question = record.text(columns.question);
    }
    require_named(columns.answers, kDefaults.answers);
    if (record.find(columns.answers)) entry.references = texts(record, columns.answers);
    require_named(columns.candidates, kDefaults.candidates);
    if (input_.with_candidates && record.find(columns.candidates)) {
      entry.candidates = texts(record, columns.candidates);
      if (entry.candidates.size() < 2)
        record.fail(cat("expected at least two texts in `", columns.candidates, "`, found ",
                        entry.candidates.size()));
    }
    require_named(columns.kind, kDefaults.kind);
    entry.kind = record.shown(columns.kind);
    entry.offset = record.offset();
    check_like_first(record, entry);
    entries_.push_back(std::move(entry));
  }

  /// Some columns are in all records or in none.
  void check_like_first(const FileRecord& record, const Entry& entry) const {
    if (entries_.empty()) return;
    const auto compare = [&](bool first, bool here, const std::string& column) {
      if (first == here) return;
      record.fail(cat(here ? "it has `" : "it has no `", column, "`, ", here ? "unlike" : "which is in",
                      " the first record; expected it in all records or in none"));
    };
    const Entry& first = entries_.front();
    compare(!first.references.empty(), !entry.references.empty(), params_.columns.answers);
    compare(!first.question_id.text.empty(), !entry.question_id.text.empty(), params_.columns.id);
  }

  std::vector<std::string> texts(const FileRecord& record, const std::string& column) const {
    const bool splits =
        !params_.separator.empty() && (format_ == TableFormat::csv || format_ == TableFormat::tsv);
    if (!splits) return record.texts(column);
    std::vector<std::string> out;
    const std::string cell = record.text(column);
    for (size_t begin = 0; begin <= cell.size();) {
      const size_t end = std::min(cell.find(params_.separator, begin), cell.size());
      out.push_back(cell.substr(begin, end - begin));
      begin = end + params_.separator.size();
    }
    return out;
  }

  static std::string missing(const FileRecord& record, const std::string& column) {
    std::vector<std::string> names;
    if (record.value().is_object())
      for (const auto& [name, value] : record.value().items()) names.push_back(name);
    return cat("it has no `", column, "`", did_you_mean(column, names),
               "; `columns` names the columns (here: ", printable(join(names, ", ")), ")");
  }

  const JsonRecordsParams& params_;
  const SourceFile& file_;
  const Dataset::Input& input_;
  TableFormat format_;
  std::vector<Entry> entries_;
};

class JsonRecords final : public EntryDataset {
 public:
  JsonRecords(const JsonRecordsParams& params, const Input& input) : EntryDataset(params.images, "images") {
    const SourceFile file(params.annotations);
    set_entries(TableReader(params, file, input).read(), file, params, input);
  }
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<JsonRecords, JsonRecordsParams>(
      "json_records", "pictures with questions or captions from a CSV, TSV, JSON or JSON-lines file");
}

}  // namespace flam
