// The only file that includes yaml-cpp. Turns its events into Values, and refuses input that yaml-cpp accepts
// but YAML 1.2 does not.

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/config/scalar.h"

namespace flam {

namespace {

constexpr size_t kMaxNodes = 100'000;
constexpr size_t kMaxDepth = 64;

using FileName = std::shared_ptr<const std::string>;

/// The text for yaml-cpp: without byte order mark, with lines ended by \n. Errors: not UTF-8, control
/// characters, too long.
std::string checked_text(std::string_view text, const FileName& file) {
  if (text.size() > kMaxYamlBytes) {
    throw Error(Location{file}, cat("has ", text.size(), " bytes; a config has at most ", kMaxYamlBytes));
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::string clean;
  clean.reserve(text.size());
  Location here{file, 1, 1};
  while (!text.empty()) {
    const auto [code, length] = utf8_front(text);
    if (length == 0) throw Error(here, cat("not UTF-8 text (byte ", printable(text.substr(0, 1)), ")"));
    const bool line_end = text.starts_with("\r\n");
    const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0 && code != 0x85);
    if (control && code != '\t' && code != '\n' && !line_end) {
      throw Error(here, cat("control character ", printable(text.substr(0, length)),
                            "; write it as an escape within quotes"));
    }
    if (!line_end) clean += text.substr(0, length);
    text.remove_prefix(length);
    here = code == '\n' ? Location{file, here.line + 1, 1} : Location{file, here.line, here.column + 1};
  }
  return clean;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& text, FileName file) : text_(text), file_(std::move(file)) {}

  Value take() { return std::move(root_); }

  /// The place where the parser stopped. At the end of the text, the place of the innermost open collection
  /// says more.
  Location place_of_error(const YAML::Mark& mark) const {
    const bool at_end = mark.is_null() || mark.pos == 0 || static_cast<size_t>(mark.pos) >= text_.size();
    if (!at_end || stack_.empty()) return place(mark);
    return stack_.back().key ? stack_.back().key_where : stack_.back().value.where();
  }

  Location place(const YAML::Mark& mark) const {
    if (mark.is_null() || static_cast<size_t>(mark.pos) > text_.size()) return {file_};
    int column = mark.column + 1;
    if (mark.column < 1000) {  // marks count bytes; people count characters
      for (const char c : line_before(mark)) column -= (c & 0xc0) == 0x80;
    }
    return {file_, mark.line + 1, column};
  }

  bool indented_by_tab(const YAML::Mark& mark) const {
    const size_t start = std::min<size_t>(mark.pos - mark.column, text_.size());
    if (start != asked_line_) {  // once per line, because a line may be long and have many nodes
      const std::string_view line = std::string_view(text_).substr(start);
      has_tab_ = line.substr(0, line.find_first_not_of(" \t")).find('\t') != line.npos;
      asked_line_ = start;
    }
    return has_tab_;
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (std::exchange(started_, true)) {
      throw Error(place(mark),
                  "there is more text after the end of the document; a config must be one YAML document");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const std::string_view rest = check(mark);
    if (!stack_.empty() && stack_.back().is_list() && stack_.back().flow && rest.starts_with(",")) {
      throw Error(place(mark), "there is no element before this comma");
    }
    if (expects_key()) throw Error(place(mark), "a key must be text, found nothing");
    // yaml-cpp also reads these two as null. If a colon follows, the word is a key after an empty value.
    for (const std::string_view word : {"Null", "NULL"}) {
      const size_t next = rest.starts_with(word) ? rest.find_first_not_of(" \t", word.size()) : rest.npos;
      const bool key = next != rest.npos && rest[next] == ':';
      if (rest.starts_with(word) && !key) return add(Value(std::string(word), place(mark)), anchor);
    }
    add(plain_scalar("", place(mark)), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    const std::string_view rest = check(mark);
    const bool plain = tag == "?";
    const size_t end = plain ? (rest.starts_with(text) ? text.size() : 0) : quoted_length(rest);
    const std::string_view after = rest.substr(end);
    if (!plain && end > 0 && after.starts_with("#"))
      throw Error(place(mark), "a comment needs a space before the '#'");
    if (text.find('\0') != text.npos) throw Error(place(mark), "the text has a NUL character");
    if (!expects_key())
      return add(plain ? plain_scalar(text, place(mark)) : Value(text, place(mark)), anchor);
    // yaml-cpp reads a word without a colon as a key with an empty value, which hides mistakes.
    const size_t colon = after.find_first_not_of(" \t");
    if (end == 0 || colon == after.npos || after[colon] != ':') {
      const bool text_ends = stack_.back().flow && after.find_first_not_of(" \t\n") == after.npos;
      throw Error(place(mark), text_ends ? "the text ends before a '[' or '{' is closed"
                                         : cat("the key ", quoted(text), " is not followed by ': '"));
    }
    Frame& map = stack_.back();
    count_node(mark);
    if (!map.seen.insert(text).second) {
      throw Error(place(mark), cat("the key ", quoted(text), " occurs twice in this map"));
    }
    map.key = text;
    map.key_where = place(mark);
    map.key_is_merge = plain && text == "<<";
    if (anchor != YAML::NullAnchor) anchors_[anchor] = Value(text, place(mark));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check(mark);
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) throw Error(place(mark), "an alias is inside the value of its own anchor");
    if (expects_key()) throw Error(place(mark), "a key must be written out; it cannot be an alias");
    charge(known->second, stack_.size(), mark);
    put(known->second);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    push(mark, Value::list(place(mark)), anchor, style == YAML::EmitterStyle::Flow);
  }
  void OnSequenceEnd() override { pop(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    push(mark, Value::map(place(mark)), anchor, style == YAML::EmitterStyle::Flow);
  }
  void OnMapEnd() override {
    merge_defaults(stack_.back());
    pop();
  }

 private:
  struct Frame {
    Value value;
    YAML::anchor_t anchor;
    bool flow;
    std::optional<std::string> key = {};  // a key that was read and whose value comes next
    Location key_where = {};
    bool key_is_merge = false;
    std::set<std::string> seen = {};  // not a hash table, because a file could choose keys that collide
    std::vector<Value> merges = {};   // maps named by `<<`; the first one takes precedence

    bool is_list() const { return value.is_list(); }
  };

  std::string_view line_before(const YAML::Mark& mark) const {
    return std::string_view(text_).substr(mark.pos - mark.column, mark.column);
  }

  /// Checks that apply to every node. Returns the text from the node on, without its anchor.
  std::string_view check(const YAML::Mark& mark) const {
    if (indented_by_tab(mark)) throw Error(place(mark), "the line is indented by a tab; use spaces");
    std::string_view rest = std::string_view(text_).substr(std::min<size_t>(mark.pos, text_.size()));
    if (rest.starts_with("&")) {
      rest.remove_prefix(std::min(rest.find_first_of(" \t\n"), rest.size()));
      rest.remove_prefix(std::min(rest.find_first_not_of(" \t\n"), rest.size()));
    }
    if (rest.starts_with("!"))
      throw Error(place(mark), "tags (a leading '!') are not supported; text with '!' needs quotes");
    return rest;
  }

  /// Length of the quoted text at the front, its quotes included; 0 if there is none.
  static size_t quoted_length(std::string_view text) {
    if (!text.starts_with('"') && !text.starts_with('\'')) return 0;
    for (size_t i = 1; i < text.size(); ++i) {
      if (text[i] == '\\' && text[0] == '"') {
        ++i;
      } else if (text[i] == text[0]) {
        if (text[0] == '"' || text.substr(i + 1, 1) != "'") return i + 1;
        ++i;
      }
    }
    return 0;
  }

  bool expects_key() const { return !stack_.empty() && !stack_.back().is_list() && !stack_.back().key; }

  void count_node(const YAML::Mark& mark) {
    if (++nodes_ > kMaxNodes)
      throw Error(place(mark), cat("more than ", kMaxNodes, " values after aliases are expanded"));
  }

  /// Counts what an alias adds, so that a short file cannot grow without bound.
  void charge(const Value& value, size_t depth, const YAML::Mark& mark) {
    count_node(mark);
    if (depth > kMaxDepth) throw Error(place(mark), cat("nested more than ", kMaxDepth, " levels deep"));
    if (value.is_string()) copied_bytes_ += value.as_string().size();
    if (copied_bytes_ > kMaxYamlBytes)
      throw Error(place(mark), cat("aliases copy more than ", kMaxYamlBytes, " bytes"));
    if (value.is_list()) {
      for (const Value& item : value.as_list()) charge(item, depth + 1, mark);
    } else if (value.is_map()) {
      for (const Value::Member& member : value.as_map()) {
        copied_bytes_ += member.key.size();
        charge(member.value, depth + 1, mark);
      }
    }
  }

  void push(const YAML::Mark& mark, Value value, YAML::anchor_t anchor, bool flow) {
    check(mark);
    count_node(mark);
    if (expects_key()) throw Error(place(mark), cat("a key must be text, found ", value.describe()));
    if (stack_.size() >= kMaxDepth)
      throw Error(place(mark), cat("nested more than ", kMaxDepth, " levels deep"));
    stack_.push_back({std::move(value), anchor, flow});
  }

  void pop() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    if (frame.anchor != YAML::NullAnchor) anchors_[frame.anchor] = frame.value;
    put(std::move(frame.value));
  }

  void add(Value scalar, YAML::anchor_t anchor) {
    if (++nodes_ > kMaxNodes)
      throw Error(scalar.where(), cat("more than ", kMaxNodes, " values after aliases are expanded"));
    if (anchor != YAML::NullAnchor) anchors_[anchor] = scalar;
    put(std::move(scalar));
  }

  void put(Value value) {
    if (stack_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& parent = stack_.back();
    if (parent.is_list()) {
      parent.value.as_list().push_back(std::move(value));
    } else if (parent.key_is_merge) {
      add_merge(parent, std::move(value));
      parent.key.reset();
    } else {
      parent.value.as_map().push_back({std::move(*parent.key), parent.key_where, std::move(value)});
      parent.key.reset();
    }
  }

  static void add_merge(Frame& parent, Value value) {
    Value::List maps;
    if (value.is_list()) {
      maps = std::move(value.as_list());
    } else {
      maps.push_back(std::move(value));
    }
    for (Value& map : maps) {
      if (!map.is_map())
        throw Error(parent.key_where, cat("'<<' takes a map or a list of maps, found ", map.describe()));
      parent.merges.push_back(std::move(map));
    }
  }

  static void merge_defaults(Frame& frame) {
    for (Value& source : frame.merges) {
      for (Value::Member& member : source.as_map()) {
        if (frame.seen.insert(member.key).second) frame.value.as_map().push_back(std::move(member));
      }
    }
  }

  const std::string& text_;
  FileName file_;
  bool started_ = false;
  Value root_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Value> anchors_;
  mutable size_t asked_line_ = std::string::npos;
  mutable bool has_tab_ = false;
  size_t nodes_ = 0, copied_bytes_ = 0;
};

/// Directives come before the document; only comments and empty lines may stand above them.
void refuse_directives(std::string_view text, const FileName& file) {
  for (int line = 1; !text.empty(); ++line) {
    const std::string_view content = text.substr(0, text.find('\n'));
    if (content.starts_with('%'))
      throw Error({file, line, 1}, "directives (a leading '%') are not supported");
    const size_t first = content.find_first_not_of(" \t");
    if (first != content.npos && content[first] != '#') return;
    text.remove_prefix(std::min(content.size() + 1, text.size()));
  }
}

}  // namespace

Value parse_yaml(const std::string& text, const std::string& file_name) {
  const auto file = std::make_shared<const std::string>(file_name);
  const std::string clean = checked_text(text, file);
  refuse_directives(clean, file);
  TreeBuilder builder(clean, file);
  try {
    std::istringstream stream(clean);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    if (!error.mark.is_null() && builder.indented_by_tab(error.mark)) {
      throw Error(builder.place(error.mark), "the line is indented by a tab; use spaces");
    }
    throw Error(builder.place_of_error(error.mark),
                cat("not valid YAML (", printable(error.msg),
                    "); check the indentation, colons, quotes and brackets here"));
  }
  return builder.take();
}

}  // namespace flam
