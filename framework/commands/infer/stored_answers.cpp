#include "framework/commands/infer/stored_answers.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/commands/infer/answer_record.h"
#include "framework/report/csv.h"

namespace flam {

using Json = nlohmann::ordered_json;

namespace {

constexpr size_t kMaxLine = size_t{16} << 20;

int64_t size_of(int descriptor) {
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 ? static_cast<int64_t>(status.st_size) : 0;
}

Json parse_line(const std::string& line, const Location& where) {
  Json record = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!record.is_object()) throw Error(where, cat("not a JSON object: ", quoted(printable(line, 60))));
  return record;
}

/// Error: a file that `--output` did not write.
void check_header(const std::vector<std::string>& header, const Location& where) {
  std::vector<std::string> fields;
  if (header.size() >= 4) fields.assign(header.begin() + 1, header.end() - 3);
  if (header == csv_header(fields)) return;
  throw Error(where, cat("the columns are ", quoted(join(header, ",")),
                         "; expected id, the fields of an answer, confidence, error, key"));
}

}  // namespace

StoredAnswers::~StoredAnswers() {
  for (const File& file : files_) ::close(file.descriptor);
}

size_t StoredAnswers::add_file(const std::string& path, int descriptor, AnswerFormat format) {
  files_.push_back({path, descriptor, format, {}});
  return files_.size() - 1;
}

int64_t StoredAnswers::index(bool appended) {
  const File& file = files_.back();
  std::ifstream in(file.path, std::ios::binary);
  if (!in) throw Error(cat("cannot read ", quoted(file.path), ": ", std::strerror(errno)));
  try {
    return file.format == AnswerFormat::jsonl ? add_json_lines(in, appended) : add_csv(in);
  } catch (const Error& error) {
    throw Error(cat(error.what(), "; name another --output, or start anew with --overwrite"));
  }
}

int64_t StoredAnswers::add_json_lines(std::istream& in, bool appended) {
  Location where{std::make_shared<const std::string>(printable(files_.back().path, 4096)), 0, 0};
  const int64_t size = size_of(files_.back().descriptor);
  int64_t offset = 0;
  size_t length = 0;
  for (std::string line; read_line(in, line, length, kMaxLine);) {
    ++where.line;
    const int64_t next = offset + static_cast<int64_t>(length) + 1;
    if (appended && next > size) break;  // the last line has no end
    if (length > kMaxLine) throw Error(where, cat("a line of ", length, " bytes is not a record"));
    if (length > 0)
      add(parse_line(line, where), where, {files_.size() - 1, offset, static_cast<int64_t>(length)});
    offset = next;
  }
  return offset;
}

int64_t StoredAnswers::add_csv(std::istream& in) {
  CsvReader reader(in, printable(files_.back().path, 4096));
  std::vector<std::string>& header = files_.back().header;
  if (!reader.next(header)) return 0;
  check_header(header, reader.where());
  for (std::vector<std::string> row; reader.next(row);) {
    add(record_of_csv(row, header, reader.where()), reader.where(),
        {files_.size() - 1, reader.begin(), reader.end() - reader.begin()});
  }
  return reader.end();
}

void StoredAnswers::add(const Json& record, const Location& where, const StoredRecord& place) {
  const auto id = record.find("id");
  const auto key = parse_record_key(record);
  if (id == record.end() || !id->is_string() || !key)
    throw Error(where, "not a record that --output wrote: it has no `id` or no valid `key`");
  if (run_.empty()) {
    run_ = key->run;
    first_ = where;
  } else if (key->run != run_) {
    throw Error(where,
                cat("the answer comes from another model or other options than that of ", first_.str()));
  }
  add_fields(record);
  if (!record.contains("error"))
    entries_.push_back({key->request, id_key(id->get<std::string>()), place, false});
}

void StoredAnswers::add_fields(const Json& record) {
  for (const std::string& field : answer_fields(record)) {
    if (std::find(fields_.begin(), fields_.end(), field) == fields_.end()) fields_.push_back(field);
  }
}

void StoredAnswers::sort() {
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.request < b.request; });
}

std::optional<StoredRecord> StoredAnswers::take(uint64_t request) {
  auto entry = std::lower_bound(entries_.begin(), entries_.end(), request,
                                [](const Entry& a, uint64_t wanted) { return a.request < wanted; });
  while (entry != entries_.end() && entry->request == request && entry->taken) ++entry;
  if (entry == entries_.end() || entry->request != request) return std::nullopt;
  entry->taken = true;
  return entry->place;
}

std::vector<StoredRecord> StoredAnswers::remaining(const std::unordered_set<uint64_t>& listed) const {
  std::vector<StoredRecord> found;
  for (const Entry& entry : entries_) {
    if (!entry.taken && !listed.contains(entry.id)) found.push_back(entry.place);
  }
  std::sort(found.begin(), found.end(), [](const StoredRecord& a, const StoredRecord& b) {
    return std::pair(a.file, a.offset) < std::pair(b.file, b.offset);
  });
  return found;
}

std::string StoredAnswers::bytes(const StoredRecord& record) const {
  const File& file = files_[record.file];
  std::string bytes(static_cast<size_t>(record.length), '\0');
  for (size_t filled = 0; filled < bytes.size();) {
    const ssize_t got = ::pread(file.descriptor, bytes.data() + filled, bytes.size() - filled,
                                record.offset + static_cast<int64_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      throw RunError(cat("cannot read ", quoted(file.path), ": ",
                         got < 0 ? std::strerror(errno) : "it has become shorter during the run"));
    }
    filled += static_cast<size_t>(got);
  }
  return bytes;
}

Json StoredAnswers::read(const StoredRecord& record) const {
  const File& file = files_[record.file];
  const std::string text = bytes(record);
  const Location where{std::make_shared<const std::string>(printable(file.path, 4096)), 0, 0};
  if (file.format == AnswerFormat::jsonl) return parse_line(text, where);
  std::istringstream in(text);
  std::vector<std::string> row;
  CsvReader(in, file.path).next(row);
  return record_of_csv(row, file.header, where);
}

}  // namespace flam
