#pragma once
// Comma-separated values, RFC 4180.

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "framework/base/error.h"
#include "framework/base/export.h"

namespace flam {

/// One row with its end, CRLF. A field is quoted if it contains a comma, a quote or a line break.
FLAM_API std::string csv_row(const std::vector<std::string>& fields);

/// Reads rows; a row may end with CRLF or LF.
class FLAM_API CsvReader {
 public:
  /// `name` is used in messages. Both must outlive the reader.
  CsvReader(std::istream& in, std::string name);

  /// Reads the next row; returns false at the end. Error: a quote where none may be, a quoted field without
  /// an end, or a row of more than 16 MiB.
  bool next(std::vector<std::string>& fields);
  Location where() const { return {name_, row_line_, 0}; }  // the row that was read last
  int64_t begin() const { return begin_; }                  // of that row, in bytes
  int64_t end() const { return end_; }

 private:
  int take();
  std::string quoted_field();

  std::istream& in_;
  const std::shared_ptr<const std::string> name_;
  int line_ = 1, row_line_ = 1;
  int64_t begin_ = 0, end_ = 0;
};

}  // namespace flam
