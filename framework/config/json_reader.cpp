#include "framework/config/json_reader.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "framework/base/file.h"
#include "framework/base/text.h"

namespace flam {

namespace {

using Json = nlohmann::json;

constexpr size_t kDeepest = 32;

/// Builds the tree. The parser does not say where a token begins, but it begins behind the one before, after
/// spaces, commas and colons.
class Reader final : public nlohmann::json_sax<Json> {
 public:
  Reader(std::string_view text, const std::string& file)
      : text_(text), file_(std::make_shared<const std::string>(file)) {}

  Value read() {
    if (text_.find_first_not_of(" \t\r\n") == std::string_view::npos)
      throw Error({file_, 1, 1}, "the file is empty; expected JSON");
    const char* begin = text_.data();
    Json::sax_parse(CountingIterator(begin, &read_), CountingIterator(begin + text_.size(), &read_), this);
    return std::move(root_);
  }

  bool null() override { return put(Value()); }
  bool boolean(bool v) override { return put(v); }
  bool number_integer(number_integer_t v) override { return put_number(static_cast<int64_t>(v)); }
  bool number_unsigned(number_unsigned_t v) override {
    const bool fits = v <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    return fits ? put_number(static_cast<int64_t>(v)) : put_number(static_cast<double>(v));
  }
  bool number_float(number_float_t v, const string_t&) override { return put_number(v); }
  bool string(string_t& v) override { return put(std::move(v)); }
  bool binary(binary_t&) override { return false; }  // not of JSON
  bool start_object(size_t) override { return open(Value::map()); }
  bool start_array(size_t) override { return open(Value::list()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    const Location where = token();
    if (!keys_.back().insert(name).second)
      throw Error(where, cat("the key ", quoted(name), " occurs twice in this object"));
    Value::Map& map = open_.back()->as_map();
    map.push_back({std::move(name), where, {}});
    end_ = read_;
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& error) override {
    const std::string problem = json_problem(error.what());
    const bool inside = problem.starts_with("invalid string");  // the place is that of the character
    const Location where = inside && read_ > end_ ? location(std::max(end_, read_ - 1)) : token();
    throw Error(where, cat("not JSON: ", problem));
  }

 private:
  /// The place of the token that was just read.
  Location token() {
    end_ = std::min(text_.find_first_not_of(" \t\r\n,:", end_), text_.size());
    return location(end_);
  }
  /// Places are asked for from front to back.
  Location location(size_t offset) {
    if (offset == 0 && text_.starts_with("\xef\xbb\xbf")) offset = 3;  // a byte order mark
    for (; counted_ < offset; ++counted_) {
      if (text_[counted_] != '\n') continue;
      ++line_;
      line_begin_ = counted_ + 1;
    }
    return {file_, line_, static_cast<int>(offset - line_begin_) + 1};
  }

  Value& add(Value value) {
    value.set_where(token());
    if (open_.empty()) return root_ = std::move(value);
    Value& parent = *open_.back();
    if (parent.is_map()) return parent.as_map().back().value = std::move(value);
    return parent.as_list().emplace_back(std::move(value));
  }
  bool put(Value value) {
    add(std::move(value));
    end_ = read_;
    return true;
  }
  bool put_number(Value value) {  // one character behind it may have been read
    add(std::move(value));
    end_ = std::min(text_.find_first_not_of("+-.0123456789eE", end_), text_.size());
    return true;
  }
  bool open(Value value) {
    Value& added = add(std::move(value));
    if (open_.size() == kDeepest)
      throw Error(added.where(), cat("this is nested more than ", kDeepest, " levels deep"));
    open_.push_back(&added);  // its parent does not change until it is closed
    keys_.emplace_back();
    end_ = read_;
    return true;
  }
  bool close() {
    open_.pop_back();
    keys_.pop_back();
    end_ = read_;
    return true;
  }

  std::string_view text_;
  std::shared_ptr<const std::string> file_;
  size_t read_ = 0, end_ = 0;  // characters read; the end of the last token
  size_t counted_ = 0, line_begin_ = 0;
  int line_ = 1;
  Value root_;
  std::vector<Value*> open_;
  std::vector<std::unordered_set<std::string>> keys_;  // of each container that is open
};

}  // namespace

Value parse_json(std::string_view text, const std::string& file_name) {
  return Reader(text, file_name).read();
}

std::string json_problem(const std::string& message) {
  const size_t dash = message.find(" - "), bracket = message.find("] ");
  const size_t begin = dash != std::string::npos ? dash + 3 : bracket != std::string::npos ? bracket + 2 : 0;
  return printable(std::string_view(message).substr(begin));
}

Value read_json(const std::filesystem::path& file, size_t limit) {
  return parse_json(read_file(file, limit), file.string());
}

}  // namespace flam
