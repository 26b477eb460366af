#include "framework/component/prompting.h"

#include <algorithm>

#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/component/unfinished.h"

namespace flam {
namespace {

constexpr const char* kSpaces = " \t\n\r\v\f";

size_t count(const std::string& text, const std::string& word) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += word.size()) ++n;
  return n;
}

/// Finds the next {name} at or after `at`. Returns its position, or npos if there is none.
size_t find_field(const std::string& text, size_t at, std::string& name) {
  for (; (at = text.find('{', at)) != std::string::npos; ++at) {
    const size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at + 1);
    if (end == std::string::npos || text[end] != '}' || end == at + 1) continue;
    name = text.substr(at + 1, end - at - 1);
    return at;
  }
  return at;
}

const char* describe(Part::Kind kind) {
  switch (kind) {
    case Part::Kind::text:
      return "a text";
    case Part::Kind::image:
      return "an image";
    case Part::Kind::frames:
      return "frames";
  }
  return "";
}

}  // namespace

void PromptTemplates::visit(ParamVisitor& v) {
  v("zeroshot_prompt", zeroshot_prompt, "text in front of the query when a request has no shots");
  v("shot_prompt", shot_prompt, "template of one shot");
  v("final_prompt", final_prompt, "template of the query, which the model completes");
  v("require_shots", require_shots, "whether a request without shots is refused");
}

void PromptingParams::visit(ParamVisitor& v) {
  PromptTemplates::visit(v);
  v("cut_at", cut_at, "an answer ends before the first of these texts");
  v("remove", remove, "texts that are removed from an answer");
  v("strip", strip, "whether whitespace at both ends of an answer is dropped");
}

Prompting::Prompting(const PromptingParams& params, const TaskHead::Input& in,
                     std::vector<std::string> fields)
    : params_(params), in_(in), fields_(std::move(fields)) {
  check_template("shot_prompt", params_.shot_prompt, fields_.size());
  check_template("final_prompt", params_.final_prompt, fields_.size() - 1);
  if (count(params_.zeroshot_prompt, in_.image_token) > 0) {
    throw Error(cat("zeroshot_prompt has the image token ", quoted(in_.image_token),
                    ", but no image belongs to it; use text only"));
  }
  for (const auto* list : {&params_.cut_at, &params_.remove}) {
    if (std::find(list->begin(), list->end(), "") != list->end())
      throw Error("cut_at and remove: one of the texts is empty; remove it");
  }
}

void Prompting::check_template(const char* name, const std::string& text, size_t known) const {
  const size_t markers = count(text, in_.image_token);
  if (markers != 1) {
    throw Error(cat(name, " ", quoted(text), " has the image token ", quoted(in_.image_token), " ", markers,
                    " times, expected once"));
  }
  std::string field;
  for (size_t at = 0; (at = find_field(text, at, field)) != std::string::npos; ++at) {
    if (std::find(fields_.begin(), fields_.begin() + known, field) == fields_.begin() + known) {
      const std::vector<std::string> names(fields_.begin(), fields_.begin() + known);
      throw Error(cat(name, " ", quoted(text), " has the unknown field {", field,
                      "} (known: ", known ? join(names, ", ") : "none", ")"));
    }
  }
}

std::string Prompting::arrangement() const {
  const std::vector<std::string> query(fields_.begin(), fields_.end() - 1);
  return cat("expected: shots, each an image or frames followed by its ", join(fields_, " and its "),
             ", then the query, an image or frames ",
             query.empty() ? "alone" : cat("followed by its ", join(query, " and its ")));
}

MarkedText Prompting::fill(const std::string& text, const std::vector<const Part*>& texts) const {
  MarkedText out;
  std::string field;
  size_t start = 0;
  for (size_t at = 0; (at = find_field(text, at, field)) != std::string::npos;) {
    out += template_text(text.substr(start, at - start));
    out += literal_text(texts[std::find(fields_.begin(), fields_.end(), field) - fields_.begin()]->text);
    start = at += field.size() + 2;
  }
  return out + template_text(text.substr(start));
}

Prompt Prompting::prompt(const Request& request) const {
  const auto& parts = request.parts;
  if (parts.empty()) throw Error(cat("the request has no parts; ", arrangement()));
  if (parts.front().kind == Part::Kind::text) throw Error(cat("part 1 is a text; ", arrangement()));

  Prompt prompt;
  MarkedText query;
  size_t shots = 0;
  for (size_t first = 0; first < parts.size();) {
    size_t end = first + 1;
    while (end < parts.size() && parts[end].kind == Part::Kind::text) ++end;
    const bool last = end == parts.size();
    const size_t texts = end - first - 1, expected = fields_.size() - (last ? 1 : 0);
    if (parts[first].pictures.empty())
      throw Error(cat("part ", first + 1, ", ", describe(parts[first].kind), ", has no picture"));
    if (texts != expected) {
      std::string missing = texts < expected ? cat("; its ", fields_[texts], " is missing") : "";
      throw Error(cat("part ", first + 1, ", ", describe(parts[first].kind), " of ",
                      last ? "the query" : "a shot", ", is followed by ", texts,
                      texts == 1 ? " text" : " texts", ", not ", expected, missing, "; ", arrangement()));
    }
    std::vector<const Part*> filling;
    for (size_t i = first + 1; i < end; ++i) {
      if (parts[i].text.find_first_not_of(kSpaces) == std::string::npos)
        throw Error(cat("part ", i + 1, ": the ", fields_[i - first - 1], " is empty"));
      filling.push_back(&parts[i]);
    }
    (last ? query : prompt.text) += fill(last ? params_.final_prompt : params_.shot_prompt, filling);
    prompt.media.push_back(parts[first]);
    shots += last ? 0 : 1;
    first = end;
  }
  if (shots == 0 && params_.require_shots)
    throw Error(cat("the config asks for shots and the request has none; ", arrangement()));
  if (shots == 0) prompt.text = template_text(params_.zeroshot_prompt);
  prompt.text += query;
  return prompt;
}

std::string Prompting::clean(const Result& result) const {
  return result.hypotheses.empty() ? "" : cleaned(result.hypotheses.front().text, true);
}

std::string Prompting::cleaned(std::string text, bool complete) const {
  const auto hold_back = [&](const std::vector<std::string>& words) {
    if (!complete) text.resize(text.size() - unfinished_word(text, words));
  };
  size_t end = text.size();
  for (const auto& word : params_.cut_at) end = std::min(end, text.find(word));
  hold_back(params_.cut_at);
  text.resize(std::min(end, text.size()));
  for (const auto& word : params_.remove) {
    for (size_t at = 0; (at = text.find(word, at)) != std::string::npos;) text.erase(at, word.size());
    hold_back({word});
  }
  if (params_.strip) {
    text.erase(text.find_last_not_of(kSpaces) + 1);
    text.erase(0, text.find_first_not_of(kSpaces));
  }
  return text;
}

}  // namespace flam
