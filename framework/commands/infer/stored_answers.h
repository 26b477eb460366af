#pragma once
// The answers that an output file holds already.

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "framework/base/error.h"
#include "framework/session/session.h"

namespace flam {

enum class AnswerFormat { jsonl, csv };

/// The place of a record in one of the files.
struct StoredRecord {
  size_t file = 0;  // which of the files, in the order in which they were added
  int64_t offset = 0, length = 0;
};

/// An index of the records of one or more files. Only hashes and places are in memory, 48 bytes for a record.
class StoredAnswers {
 public:
  StoredAnswers() = default;
  ~StoredAnswers();
  StoredAnswers(const StoredAnswers&) = delete;
  StoredAnswers& operator=(const StoredAnswers&) = delete;

  /// Adds a file, and returns its number. `descriptor` is open for reading; it is closed with this object.
  size_t add_file(const std::string& path, int descriptor, AnswerFormat format);
  /// Reads the records of the file that was added last; those with errors are left out. With `appended`, the
  /// last line may be incomplete and is then left out. Returns the length of the complete lines. Error, with
  /// file and line: not a record, or one of another run than the records before.
  int64_t index(bool appended);
  std::string run() const { return run_; }          // run_key() of all records; "" if there are none
  const Location& first() const { return first_; }  // where the first of them is

  /// Finds the answer to a request. Each record is found only once. Call sort() before.
  void sort();
  std::optional<StoredRecord> take(uint64_t request);
  /// The records that were not taken and whose id is none of `listed` (see id_key()), in the order of the
  /// files.
  std::vector<StoredRecord> remaining(const std::unordered_set<uint64_t>& listed) const;

  /// The text of a record (of a CSV file, with its line end), and the record itself. RunError: the file can't
  /// be read.
  std::string bytes(const StoredRecord& record) const;
  nlohmann::ordered_json read(const StoredRecord& record) const;
  AnswerFormat format(const StoredRecord& record) const { return files_[record.file].format; }
  /// The answer fields of all records.
  const std::vector<std::string>& fields() const { return fields_; }
  void add_fields(const nlohmann::ordered_json& record);

 private:
  struct File {
    std::string path;
    int descriptor = -1;
    AnswerFormat format;
    std::vector<std::string> header;  // of a CSV file
  };
  struct Entry {
    uint64_t request = 0, id = 0;
    StoredRecord place;
    bool taken = false;
  };

  void add(const nlohmann::ordered_json& record, const Location& where, const StoredRecord& place);
  int64_t add_json_lines(std::istream& in, bool appended);
  int64_t add_csv(std::istream& in);

  std::vector<File> files_;
  std::vector<Entry> entries_;
  std::vector<std::string> fields_;
  std::string run_;
  Location first_;
};

}  // namespace flam
