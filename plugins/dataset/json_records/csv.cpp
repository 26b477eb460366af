#include "plugins/dataset/json_records/csv.h"

#include <algorithm>

namespace flam {

namespace {

/// Splits a text into records of cells.
class CsvReader {
 public:
  CsvReader(const SourceFile& file, char delimiter)
      : file_(file), text_(file.bytes()), delimiter_(delimiter) {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;  // a byte order mark
  }

  /// Returns false at the end of the file.
  bool next(std::vector<std::string>& cells) {
    while (at_ < text_.size() && is_line_end()) skip_line_end();
    if (at_ == text_.size()) return false;
    begin_ = at_;
    cells.clear();
    for (;;) {
      cells.push_back(cell());
      if (at_ == text_.size()) return true;
      if (is_line_end()) {
        skip_line_end();
        return true;
      }
      ++at_;  // the delimiter
    }
  }

  /// Where the record that was read last begins.
  size_t begin() const { return begin_; }

 private:
  bool is_line_end() const { return text_[at_] == '\n' || text_.substr(at_, 2) == "\r\n"; }
  void skip_line_end() { at_ += text_[at_] == '\r' ? 2 : 1; }
  bool is_cell_end() const { return at_ == text_.size() || text_[at_] == delimiter_ || is_line_end(); }

  std::string cell() {
    std::string out;
    if (at_ == text_.size() || text_[at_] != '"') {
      for (; !is_cell_end(); ++at_) {
        if (text_[at_] == '"')
          throw Error(file_.place(at_), "a quote in a cell that does not begin with one");
        out += text_[at_];
      }
    } else {
      const size_t opened = at_++;
      for (;; ++at_) {
        if (at_ == text_.size()) throw Error(file_.place(opened), "this quote is never closed");
        if (text_[at_] == '"' && text_.substr(at_, 2) != "\"\"") break;
        if (text_[at_] == '"') ++at_;
        out += text_[at_];
      }
      ++at_;
      if (!is_cell_end())
        throw Error(file_.place(at_),
                    "text behind the closing quote of a cell; quotes inside a cell are doubled");
    }
    for (std::string_view rest = out; !rest.empty();) {
      const size_t length = utf8_front(rest).length;
      if (length == 0) throw Error(file_.place(begin_), cat("the cell ", quoted(out), " is not UTF-8"));
      rest.remove_prefix(length);
    }
    return out;
  }

  const SourceFile& file_;
  std::string_view text_;
  char delimiter_;
  size_t at_ = 0, begin_ = 0;
};

}  // namespace

void read_csv(const SourceFile& file, char delimiter, const TakeRecord& take) {
  CsvReader reader(file, delimiter);
  std::vector<std::string> names, cells;
  if (!reader.next(names))
    throw Error(file.place(0), "the file is empty; expected a line with the names of columns");
  for (auto name = names.begin(); name != names.end(); ++name) {
    if (name->empty() || std::find(names.begin(), name, *name) != name) {
      throw Error(file.place(reader.begin()),
                  cat("expected a line with the names of columns, each different; found ",
                      quoted(join(names, ", "))));
    }
  }
  for (int64_t index = 0; reader.next(cells); ++index) {
    if (cells.size() != names.size()) {
      throw Error(file.place(reader.begin()),
                  cat("record ", index + 1, " has ", counted(std::ssize(cells), "cell"), ", but there are ",
                      counted(std::ssize(names), "column")));
    }
    nlohmann::json value = nlohmann::json::object();
    for (size_t i = 0; i < cells.size(); ++i)
      if (!cells[i].empty()) value[names[i]] = std::move(cells[i]);
    take({value, file, reader.begin(), "", index});
  }
}

}  // namespace flam
