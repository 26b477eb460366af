// Reading of JSON documents and JSON lines, one record at a time.
#include <optional>

#include "plugins/dataset/shared/source_file.h"

namespace flam {

namespace {

using Json = nlohmann::json;
using Event = Json::parse_event_t;

constexpr int kDeepest = 32;
constexpr size_t kLongestLine = size_t{16} << 20;

/// Takes each record out of the document as soon as it is complete, so that the document stays empty.
class DocumentReader {
 public:
  DocumentReader(const SourceFile& file, const std::map<std::string, TakeRecord>& lists)
      : file_(file), lists_(lists) {}

  std::vector<std::string> read() {
    const std::string_view text = file_.bytes();
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
      throw Error(file_.place(0), "the file is empty; expected JSON");
    const auto handle = [this](int depth, Event event, Json& parsed) { return keep(depth, event, parsed); };
    try {
      const Json emptied = Json::parse(CountingIterator(text.data(), &read_),
                                       CountingIterator(text.data() + text.size(), &read_), handle);
    } catch (const Json::exception& error) {
      const size_t at = std::min(read_, text.size());
      const std::string inside = in_record_ ? cat(" in ", record(Json()).name()) : "";
      throw Error(file_.place(at > 0 ? at - 1 : 0),
                  cat("not JSON", inside, ": ", json_problem(error.what())));
    }
    return found_;
  }

 private:
  bool keep(int depth, Event event, Json& parsed) {
    if (depth > kDeepest) throw Error(here(), cat("this is nested more than ", kDeepest, " levels deep"));
    if (depth == 0) {
      if (event == Event::object_start || event == Event::array_start) begin(event == Event::object_start);
      if (event == Event::value) throw Error(here(), cat("the document is a single value; ", expectation()));
      return true;
    }
    if (depth == 1 && event == Event::key && record_depth_ != 1) {  // a list of the document's object
      key_ = parsed.get<std::string>();
      const auto found = lists_.find(key_);
      list_ = found == lists_.end() ? nullptr : &*found;
      if (list_) found_.push_back(key_);
      index_ = 0;
      return list_ != nullptr;
    }
    if (!list_) return false;
    if (depth == 1 && event == Event::key) key_ = parsed.get<std::string>();
    if (record_depth_ == 2 && depth == 1) {
      if (event == Event::object_start)
        throw Error(here(), cat("`", list_->first, "` is an object; expected a list of records"));
      if (event == Event::value) take(parsed);
      return event == Event::array_start || event == Event::array_end;
    }
    if (depth != record_depth_ || event == Event::key) return true;
    if (event == Event::object_start || event == Event::array_start) {
      begin_ = read_ - 1;
      in_record_ = true;
      return true;
    }
    take(parsed);
    return false;
  }

  void begin(bool is_object) {
    const char* whole = is_object ? kMembers : "";
    const auto found = lists_.find(whole);
    if (found != lists_.end()) {
      list_ = &*found;
      found_.emplace_back(whole);
      record_depth_ = 1;
    } else if (is_object && !lists_.contains("")) {
      record_depth_ = 2;
    } else {
      throw Error(here(), cat("the document is ", is_object ? "an object" : "a list", "; ", expectation()));
    }
  }

  void take(const Json& value) {
    if (!in_record_) begin_ = read_ - 1;
    list_->second(record(value));
    ++index_;
    in_record_ = false;
  }

  FileRecord record(const Json& value) const {
    const std::string_view name = list_->first == kMembers ? "" : std::string_view(list_->first);
    return {value, file_, begin_, name, index_, list_->first == kMembers ? key_ : ""};
  }
  Location here() const { return file_.place(read_ > 0 ? read_ - 1 : 0); }
  std::string expectation() const {
    if (lists_.contains("")) return "expected a list of records, [{…}, …]";
    if (lists_.contains(kMembers)) return "expected an object of records, {ID: {…}, …}";
    std::vector<std::string> names;
    for (const auto& [name, take] : lists_) names.push_back(cat("`", name, "`"));
    return cat("expected an object with ", join(names, ", "));
  }

  const SourceFile& file_;
  const std::map<std::string, TakeRecord>& lists_;
  size_t read_ = 0;                                                 // bytes of the document
  const std::pair<const std::string, TakeRecord>* list_ = nullptr;  // null: nobody asked for this member
  std::string key_;
  int record_depth_ = 0;
  size_t begin_ = 0;  // of the record
  bool in_record_ = false;
  int64_t index_ = 0;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> read_json_records(const SourceFile& file,
                                           const std::map<std::string, TakeRecord>& lists) {
  return DocumentReader(file, lists).read();
}

void read_json_lines(const SourceFile& file, const TakeRecord& take) {
  int64_t number = 0;
  const std::string_view all = file.bytes();
  for (size_t begin = 0; begin < all.size();) {
    const size_t end = std::min(all.find('\n', begin), all.size());
    const std::string_view line = all.substr(begin, end - begin);
    const size_t offset = begin;
    begin = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (line.size() > kLongestLine)
      throw Error(file.place(offset), cat("the line has more than ", kLongestLine, " bytes"));
    const auto shallow = [&](int depth, Event, Json&) {
      if (depth > kDeepest)
        throw Error(file.place(offset), cat("the JSON is nested more than ", kDeepest, " levels deep"));
      return true;
    };
    try {
      const Json value = Json::parse(line, shallow);
      take({value, file, offset, "", number++});
    } catch (const Json::parse_error& error) {
      throw Error(file.place(std::min(offset + error.byte, end) - (error.byte > 0 ? 1 : 0)),
                  cat("not JSON: ", json_problem(error.what())));
    } catch (const Json::exception& error) {
      throw Error(file.place(offset), cat("not JSON: ", json_problem(error.what())));
    }
  }
}

}  // namespace flam
