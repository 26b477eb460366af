#include "framework/commands/infer/answer_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/commands/infer/answer_record.h"
#include "framework/report/csv.h"
#include "framework/report/json.h"

namespace flam {

using Json = nlohmann::ordered_json;

namespace {

AnswerFormat format_of(const std::string& path) {
  const std::string suffix = std::filesystem::path(path).extension().string();
  if (suffix == ".jsonl") return AnswerFormat::jsonl;
  if (suffix == ".csv") return AnswerFormat::csv;
  throw Error(cat("--output ", quoted(path), ": the name must end in .jsonl (JSON lines) or .csv"));
}

}  // namespace

AnswerFile::AnswerFile(const std::string& path, bool overwrite)
    : path_(path), format_(format_of(path)), overwrite_(overwrite) {
  const AtomicFile can_be_written(path_);
  if (!overwrite_ && std::filesystem::exists(path_)) {
    const int whole = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (whole < 0) throw Error(cat("cannot read ", quoted(path_), ": ", std::strerror(errno)));
    stored_.add_file(path_, whole, format_);
    stored_.index(/*appended=*/false);
  }
  partial_.emplace(partial_path(path_));
  partial_file_ = stored_.add_file(partial_->path(), ::dup(partial_->descriptor()), AnswerFormat::jsonl);
  if (!overwrite_) complete_ = stored_.index(/*appended=*/true);
  stored_.sort();
}

void AnswerFile::begin(const std::string& run) {
  run_ = run;
  if (stored_.run().empty() || stored_.run() == run) return;
  throw Error(
      stored_.first(),
      "the answers come from another model, or from other weights, generation options, question, shots "
      "or candidates; name another --output, or start anew with --overwrite");
}

std::optional<StoredRecord> AnswerFile::find(const Request& request) {
  return stored_.take(request_key(request));
}

void AnswerFile::write(const Request& request, Json record) {
  record["key"] = record_key(run_, request_key(request));
  stored_.add_fields(record);
  const std::string line = json_line(record);
  prepare();
  const int64_t offset = partial_->size();
  partial_->append(line + "\n");
  order_.push_back({partial_file_, offset, std::ssize(line)});
  listed_.insert(id_key(request.id));
}

Json AnswerFile::keep(const Request& request, const StoredRecord& found) {
  order_.push_back(found);
  listed_.insert(id_key(request.id));
  return stored_.read(found);
}

/// Before the first line: removes an incomplete last line, or with --overwrite everything.
void AnswerFile::prepare() {
  if (prepared_) return;
  if (overwrite_) std::filesystem::remove(path_);
  partial_->truncate(complete_);
  prepared_ = true;
}

void AnswerFile::commit() {
  prepare();
  try {
    AtomicFile file(path_);
    if (format_ == AnswerFormat::csv) file.write(csv_row(csv_header(stored_.fields())));
    for (const StoredRecord& record : stored_.remaining(listed_)) file.write(line_of(record));
    for (const StoredRecord& record : order_) file.write(line_of(record));
    file.commit();
  } catch (const RunError& error) {
    throw RunError(cat(error.what(), "; the answers are in ", quoted(partial_->path()),
                       ", and the same command continues from them"));
  }
  partial_->remove();
}

std::string AnswerFile::line_of(const StoredRecord& record) const {
  if (format_ == AnswerFormat::jsonl) return stored_.bytes(record) + "\n";
  return csv_row(csv_of_record(stored_.read(record), stored_.fields()));
}

}  // namespace flam
