#pragma once
// Text files of many records: JSON documents and JSON lines, read record by record. Errors name the file, the
// line, the column and the record.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "framework/sdk.h"

namespace flam {

/// A file in memory that knows the places of its bytes.
class SourceFile {
 public:
  /// Error: it can't be read, or it is not a regular file.
  explicit SourceFile(const std::string& path);

  std::string_view bytes() const { return mapped_->size() > 0 ? mapped_->bytes() : std::string_view(); }
  const std::string& path() const { return *path_; }
  /// The line and column of a byte; takes time in proportion to `offset`.
  Location place(size_t offset) const;

 private:
  std::shared_ptr<const MappedFile> mapped_;
  std::shared_ptr<const std::string> path_;
};

/// The id of a record or a picture as its file gives it. A file may write the same id as a number or a text.
struct RecordId {
  std::string text;  // "": none
  bool is_number = false;

  Value value() const { return is_number ? Value(static_cast<int64_t>(std::stoll(text))) : Value(text); }
};

/// One record of a file, a JSON value, and where it is. Fields of objects in the record have names such as
/// "types.structural".
class FileRecord {
 public:
  FileRecord(const nlohmann::json& value, const SourceFile& file, size_t offset, std::string_view list,
             int64_t index, std::string_view key = "")
      : value_(value), file_(&file), offset_(offset), list_(list), index_(index), key_(key) {}
  /// A record that is not in a text file; `key` says in messages where it is.
  FileRecord(const nlohmann::json& value, std::string_view key) : value_(value), key_(key) {}

  size_t offset() const { return offset_; }
  std::string_view key() const { return key_; }  // of a record that is a member of an object
  const nlohmann::json& value() const { return value_; }

  /// Returns nullptr if the field is absent or null.
  const nlohmann::json* find(std::string_view field) const;
  /// Error: the field is absent or of another type; so with the functions below.
  std::string text(std::string_view field) const;
  int64_t integer(std::string_view field) const;
  RecordId id(std::string_view field) const;
  /// The name of a file: not empty, and without NUL bytes.
  std::string file_name(std::string_view field) const;
  /// A list of texts, a list of objects with the text `inner`, or one text.
  std::vector<std::string> texts(std::string_view field, std::string_view inner = "") const;
  /// A text, number or boolean as text; "" if it is absent.
  std::string shown(std::string_view field) const;

  /// "questions[17]"; "record 18" if the list has no name.
  std::string name() const;
  /// Throws an Error with the place and name of this record.
  [[noreturn]] void fail(const std::string& what) const;

 private:
  [[noreturn]] void expected(std::string_view field, const char* what) const;

  const nlohmann::json& value_;
  const SourceFile* file_ = nullptr;
  size_t offset_ = 0;
  std::string_view list_;
  int64_t index_ = 0;
  std::string_view key_;
};

using TakeRecord = std::function<void(const FileRecord&)>;

/// The place of the records in a JSON document: "" if the document is a list of them, kMembers if it is an
/// object of them, or the name of their list in the document's object.
inline constexpr const char* kMembers = "*";

/// Reads a JSON document and calls the function of each list for each record in it, in the order of the file.
/// If the document's object has a single value of that name instead of a list, that value is passed. Returns
/// the names of the lists that the document has. Memory: that of one record. Error: the document is not JSON,
/// is nested more than 32 levels deep, or is a list where an object is expected, or the reverse.
std::vector<std::string> read_json_records(const SourceFile& file,
                                           const std::map<std::string, TakeRecord>& lists);

/// Calls the function for each line that is not blank; each holds one JSON object. Error: a line is not JSON,
/// has more than 16 MiB, or is nested more than 32 levels deep.
void read_json_lines(const SourceFile& file, const TakeRecord& take);

}  // namespace flam
