// Writes a tree as YAML from which the same tree can be read, and as JSON.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/config/escape.h"
#include "framework/config/scalar.h"

namespace flam {

namespace {

constexpr size_t kMaxFlowWidth = 100;  // longer lists get a line for each element

/// Words that this reader or another one does not read as text.
bool looks_special(const std::string& text) {
  std::string lower;
  for (const char c : text) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  constexpr std::string_view kWords[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
  return std::ranges::find(kWords, lower) != std::end(kWords);
}

bool plain_is_safe(const std::string& text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto is_inner = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '/' || c == '-' || c == ' ';
  };
  return !text.empty() && (is_letter(text[0]) || text[0] == '/') && std::ranges::all_of(text, is_inner) &&
         text.back() != ' ' && !looks_special(text);
}

std::string quoted_text(const std::string& text) {
  std::string body;
  bool escapes = false;
  for (std::string_view rest = text; !rest.empty();) {
    const auto [code, length] = utf8_front(rest);
    if (length == 0) throw Error(cat("text that is not UTF-8 cannot be written: ", quoted(text)));
    const bool breaks = code == 0x85 || code == 0x2028 || code == 0x2029 || code == 0xfeff;
    if (code == '\n') {
      body += "\\n";
      escapes = true;
    } else if (code < 0x20 || (code >= 0x7f && code < 0xa0) || breaks) {
      char escaped[8];
      (void)std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(code));
      body += escaped;
      escapes = true;
    } else {
      if (code == '"' || code == '\\') body += '\\';
      body += rest.substr(0, length);
    }
    rest.remove_prefix(length);
  }
  if (escapes) return '"' + body + '"';
  std::string single = "'";
  for (const char c : text) single += c == '\'' ? std::string("''") : std::string(1, c);
  return single + "'";
}

std::string text_of(const std::string& text) {
  return plain_is_safe(text) ? text : quoted_text(text);
}

bool is_scalar(const Value& value) {
  return !value.is_list() && !value.is_map();
}

/// A scalar, an empty collection or a short list of scalars on one line; "" for anything longer.
std::string one_line(const Value& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return value.as_bool() ? "true" : "false";
  if (value.is_int()) return std::to_string(value.as_int());
  if (value.is_double()) return double_text(value.as_double());
  if (value.is_string()) return text_of(value.as_string());
  if (value.is_map()) return value.as_map().empty() ? "{}" : "";
  std::vector<std::string> items;
  size_t width = 0;
  for (const Value& item : value.as_list()) {
    if (!is_scalar(item)) return "";
    items.push_back(one_line(item));
    width += items.back().size() + 2;
  }
  return width > kMaxFlowWidth ? "" : "[" + join(items, ", ") + "]";
}

class YamlWriter {
 public:
  explicit YamlWriter(const WriteOptions& options) : options_(options) {}

  std::string take() { return std::move(out_); }

  /// `value` as whole lines; the first one continues a line when `inline_first` (after "- ").
  void lines(const Value& value, size_t indent, bool inline_first) {
    if (const std::string text = one_line(value); !text.empty()) {
      begin(indent, inline_first);
      end(text, value);
    } else if (value.is_list()) {
      for (const Value& item : value.as_list()) {
        begin(indent, std::exchange(inline_first, false));
        out_ += "- ";
        lines(item, indent + 2, true);
      }
    } else {
      for (const Value::Member& member : value.as_map()) {
        begin(indent, std::exchange(inline_first, false));
        out_ += text_of(member.key) + ":";
        const std::string text = one_line(member.value);
        if (text.empty()) {
          out_ += "\n";
          lines(member.value, indent + 2, false);
        } else {
          out_ += " ";
          end(text, member.value);
        }
      }
    }
  }

 private:
  void begin(size_t indent, bool continues) {
    if (!continues) out_.append(indent, ' ');
  }

  void end(const std::string& text, const Value& value) {
    out_ += text;
    if (options_.origins) {
      const Location& where = value.where();
      out_ += "  # " + (where.file ? Location{where.file, where.line}.str() : std::string("default"));
    }
    out_ += "\n";
  }

  WriteOptions options_;
  std::string out_;
};

nlohmann::ordered_json json_of(const Value& value) {
  if (value.is_bool()) return value.as_bool();
  if (value.is_int()) return value.as_int();
  if (value.is_double()) return value.as_double();
  if (value.is_string()) return value.as_string();
  if (value.is_list()) {
    auto list = nlohmann::ordered_json::array();
    for (const Value& item : value.as_list()) list.push_back(json_of(item));
    return list;
  }
  if (value.is_map()) {
    auto map = nlohmann::ordered_json::object();
    for (const Value::Member& member : value.as_map()) map[member.key] = json_of(member.value);
    return map;
  }
  return nullptr;
}

}  // namespace

std::string write_yaml(const Value& value, const WriteOptions& options) {
  YamlWriter writer(options);
  writer.lines(value, 0, false);
  return writer.take();
}

std::string write_json(const Value& value) {
  return escape_controls(
      json_of(value).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

}  // namespace flam
