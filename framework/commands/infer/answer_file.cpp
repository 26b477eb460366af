#include "framework/commands/infer/answer_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
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
    : path_(path), partial_(partial_path(path)), format_(format_of(path)), overwrite_(overwrite) {
  const AtomicFile can_be_written(path_);
  if (!overwrite_ && std::filesystem::exists(path_)) {
    const int whole = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (whole < 0) throw Error(cat("cannot read ", quoted(path_), ": ", std::strerror(errno)));
    stored_.add_file(path_, whole, format_);
    stored_.index(/*appended=*/false);
  }
  open_partial();
  if (!overwrite_) size_ = stored_.index(/*appended=*/true);
  stored_.sort();
}

AnswerFile::~AnswerFile() {
  // An empty file is nothing to continue. The lock is still held.
  struct stat status {};
  if (descriptor_ >= 0 && ::fstat(descriptor_, &status) == 0 && status.st_size == 0)
    ::unlink(partial_.c_str());
}

void AnswerFile::open_partial() {
  const int descriptor = ::open(partial_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
  if (descriptor < 0) throw Error(cat("cannot write ", quoted(partial_), ": ", std::strerror(errno)));
  partial_file_ = stored_.add_file(partial_, descriptor, AnswerFormat::jsonl);
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
    throw Error(cat("cannot write ", quoted(partial_), ": it is not a regular file"));
  const bool locked = ::flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
  // The other run may have ended, and removed the file, between the two calls.
  if (!locked || ::fstat(descriptor, &status) != 0 || status.st_nlink == 0)
    throw Error(cat("another run is writing to ", quoted(partial_), "; wait for its end"));
  descriptor_ = descriptor;
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
  append(line + "\n");
  order_.push_back({partial_file_, size_, std::ssize(line)});
  listed_.insert(id_key(request.id));
  size_ += std::ssize(line) + 1;
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
  if (::ftruncate(descriptor_, size_) != 0)
    throw RunError(cat("cannot write ", quoted(partial_), ": ", std::strerror(errno)));
  prepared_ = true;
}

void AnswerFile::append(std::string_view line) {
  while (!line.empty()) {
    const ssize_t put = ::write(descriptor_, line.data(), line.size());
    if (put < 0 && errno == EINTR) continue;
    if (put > 0) {
      line.remove_prefix(static_cast<size_t>(put));
      continue;
    }
    const std::string reason = put < 0 ? std::strerror(errno) : "nothing was written";
    [[maybe_unused]] const int cut = ::ftruncate(descriptor_, size_);  // if this fails, the next run does it
    throw RunError(cat("cannot write ", quoted(partial_), ": ", reason,
                       "; it keeps the answers so far, and the same command continues from them"));
  }
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
    throw RunError(cat(error.what(), "; the answers are in ", quoted(partial_),
                       ", and the same command continues from them"));
  }
  ::unlink(partial_.c_str());
  descriptor_ = -1;
}

std::string AnswerFile::line_of(const StoredRecord& record) const {
  if (format_ == AnswerFormat::jsonl) return stored_.bytes(record) + "\n";
  return csv_row(csv_of_record(stored_.read(record), stored_.fields()));
}

}  // namespace flam
