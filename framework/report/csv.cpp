#include "framework/report/csv.h"

#include <istream>

#include "framework/base/text.h"

namespace flam {

namespace {
constexpr int64_t kMaxRow = int64_t{16} << 20;
constexpr int kEnd = std::char_traits<char>::eof();
}  // namespace

std::string csv_row(const std::vector<std::string>& fields) {
  std::string row;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) row += ',';
    if (fields[i].find_first_of(",\"\r\n") == std::string::npos) {
      row += fields[i];
      continue;
    }
    row += '"';
    for (const char c : fields[i]) row += c == '"' ? "\"\"" : std::string(1, c);
    row += '"';
  }
  return row + "\r\n";
}

CsvReader::CsvReader(std::istream& in, std::string name)
    : in_(in), name_(std::make_shared<const std::string>(std::move(name))) {}

int CsvReader::take() {
  const int c = in_.rdbuf()->sbumpc();
  if (c == kEnd) return c;
  if (++end_ - begin_ > kMaxRow) throw Error(where(), cat("a row of more than ", kMaxRow, " bytes"));
  line_ += c == '\n';
  return c;
}

/// The rest of a field after its opening quote, up to and including its closing quote.
std::string CsvReader::quoted_field() {
  std::string field;
  for (;;) {
    const int c = take();
    if (c == kEnd) throw Error(where(), "the file ends within a quoted field");
    if (c != '"') {
      field += static_cast<char>(c);
    } else if (in_.rdbuf()->sgetc() == '"') {
      field += static_cast<char>(take());
    } else {
      return field;
    }
  }
}

bool CsvReader::next(std::vector<std::string>& fields) {
  fields.clear();
  begin_ = end_;
  row_line_ = line_;
  if (in_.rdbuf()->sgetc() == kEnd) return false;
  for (;;) {
    std::string& field = fields.emplace_back();
    int c = take();
    const bool quoted = c == '"';
    if (quoted) {
      field = quoted_field();
      c = take();
    }
    for (; c != ',' && c != '\n' && c != kEnd; c = take()) {
      if (c == '\r' && in_.rdbuf()->sgetc() == '\n') continue;
      if (quoted || c == '"')
        throw Error(where(), "a field that contains quotes must be quoted, and its quotes doubled");
      field += static_cast<char>(c);
    }
    if (c != ',') return true;
  }
}

}  // namespace flam
