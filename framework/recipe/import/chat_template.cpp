#include "framework/recipe/import/chat_template.h"

#include <algorithm>
#include <cctype>

#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/recipe/import/rules.h"

namespace flam {

namespace {

/// The inside of a tag without spaces, except those within quotes.
std::string squeezed(std::string_view tag) {
  std::string out;
  char quote = 0;
  for (size_t i = 0; i < tag.size(); ++i) {
    const char c = tag[i];
    if (quote == 0 && (c == ' ' || c == '\n' || c == '\t' || c == '\r')) {
      // Words must not be joined: "not x" differs from "notx".
      const auto is_word = [](char w) { return std::isalnum(static_cast<unsigned char>(w)) || w == '_'; };
      const size_t next = tag.find_first_not_of(" \n\t\r", i);
      if (!out.empty() && is_word(out.back()) && next < tag.size() && is_word(tag[next])) out += ' ';
      i = std::min(next, tag.size()) - 1;
      continue;
    }
    if (quote != 0 && c == '\\' && i + 1 < tag.size()) {
      out += {c, tag[++i]};
      continue;
    }
    if (c == '\'' || c == '"') {
      if (quote == 0) {
        quote = c;
      } else if (quote == c) {
        quote = 0;
      }
    }
    out += c;
  }
  return out;
}

/// A template with everything removed that has no effect on what it writes. Hugging Face renders templates
/// with `trim_blocks`, so a line break behind {% … %} and {# … #} is not written.
std::string normalized(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t brace = text.find('{');
    const std::string_view plain = text.substr(0, brace);
    out += plain;
    text.remove_prefix(plain.size());
    if (text.size() < 2) return out += text;
    const char kind = text[1];
    const char* end_mark = kind == '#' ? "#}" : kind == '%' ? "%}" : kind == '{' ? "}}" : nullptr;
    const size_t end = end_mark ? text.find(end_mark, 2) : std::string_view::npos;
    if (end == std::string_view::npos) {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    const std::string tag = squeezed(text.substr(2, end - 2));
    const auto is_sign = [](char c) { return c == '-' || c == '+'; };  // these strip or keep spaces around
    const bool has_sign = !tag.empty() && (is_sign(tag.front()) || is_sign(tag.back()));
    const bool has_no_effect =
        !has_sign && (kind == '#' || (kind == '%' && (tag == "generation" || tag == "endgeneration")));
    if (!has_no_effect) out += cat(text.substr(0, 2), tag, end_mark);
    text.remove_prefix(end + 2);
    if (kind != '{' && !has_sign && text.starts_with('\n')) text.remove_prefix(1);
  }
  return out;
}

/// The texts such as "<end_of_utterance>" in the parameters of a chat task head.
std::vector<std::string> markers_of(const Value& task_head) {
  std::vector<std::string> out;
  const auto add_from = [&](const Value& value) {
    if (!value.is_string()) return;
    const std::string& text = value.as_string();
    for (size_t begin = text.find('<'); begin != std::string::npos; begin = text.find('<', begin + 1)) {
      const size_t end = text.find_first_of("<> \n", begin + 1);
      if (end == std::string::npos || text[end] != '>') continue;
      std::string marker = text.substr(begin, end + 1 - begin);
      if (std::ranges::find(out, marker) == out.end()) out.push_back(std::move(marker));
    }
  };
  for (const Value::Member& member : task_head.as_map()) {
    add_from(member.value);
    for (const char* key : {"prefix", "suffix"}) {
      if (const Value* text = member.value.find(key)) add_from(*text);
    }
  }
  return out;
}

}  // namespace

Value task_head_for(const std::string& jinja, const Location& where) {
  const std::string wanted = normalized(jinja);
  std::vector<std::string> names;
  for (const auto& [name, rules] : rules_in("chat_templates")) {
    names.push_back(name);
    for (const Value& text : rules.find("templates")->as_list()) {
      if (normalized(text.as_string()) == wanted) return *rules.find("task_head");
    }
  }
  throw Error(where,
              cat("the chat template is not one of those that are known (", join(names, ", "),
                  "). It begins with ", quoted(std::string_view(jinja).substr(0, 120)),
                  ". To choose another, run `flam import FOLDER OUT.yaml --chat-template NAME` and change "
                  "task_head in OUT.yaml (docs/models.md)"));
}

Value task_head_named(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [known, rules] : rules_in("chat_templates")) {
    if (known == name) return *rules.find("task_head");
    names.push_back(known);
  }
  throw Error(cat("no chat template named ", quoted(name), did_you_mean(name, names),
                  " (known: ", join(names, ", "), ")"));
}

void warn_of_markers(const Value& task_head, const TokenNames& tokens, const std::string& folder) {
  for (const std::string& marker : markers_of(task_head)) {
    if (tokens.id(marker)) continue;
    log_warn(cat("the chat template writes ", quoted(marker), ", which is no token of the tokenizer in ",
                 quoted(folder),
                 ", so the model reads it as ordinary text; is it the template of another model?"));
  }
}

}  // namespace flam
