#pragma once
// A building block of task heads that show examples to a model and let it complete the last one.

#include <string>
#include <vector>

#include "framework/component/task_head.h"

namespace flam {

/// The parameters that such heads have in common. Each head sets its own defaults.
struct FLAM_API PromptTemplates {
  std::string zeroshot_prompt;
  std::string shot_prompt;
  std::string final_prompt;
  bool require_shots = false;

  void visit(ParamVisitor& v);
};

/// The parameters of heads whose answers are generated texts.
struct FLAM_API PromptingParams : PromptTemplates {
  std::vector<std::string> cut_at;
  std::vector<std::string> remove;
  bool strip = false;

  void visit(ParamVisitor& v);
};

/// Builds prompts from requests and cleans answers, as mmpretrain 1.2.0 does
/// (models/multimodal/flamingo/flamingo.py).
class FLAM_API Prompting {
 public:
  /// `fields`: the texts of a shot in order, the last of which the model generates, such as {"question",
  /// "answer"}. The query has the others. Templates name them as {question}. Error: a template without
  /// exactly one image token, or with an unknown field.
  Prompting(const PromptingParams& params, const TaskHead::Input& in, std::vector<std::string> fields);

  /// Returns the shots, or the zero-shot prompt if there are none, followed by the query. Error: the parts
  /// are arranged differently (the message names the part, counted from 1), a text is empty, or required
  /// shots are missing.
  Prompt prompt(const Request& request) const;
  /// Returns the text of the first hypothesis, cut before the first of `cut_at`, without the texts in
  /// `remove`.
  std::string clean(const Result& result) const;
  /// Implements TaskHead::settled() for heads whose answer is clean().
  std::string settled(const std::string& text) const { return cleaned(text, false); }
  /// Returns an answer followed by the end token.
  MarkedText target(const std::string& answer) const {
    return literal_text(answer) + template_text(in_.end_of_chunk);
  }

 private:
  void check_template(const char* name, const std::string& text, size_t known) const;
  MarkedText fill(const std::string& text, const std::vector<const Part*>& texts) const;
  std::string arrangement() const;
  /// Cleans a complete text, or returns the beginning of the cleaned text that does not depend on what
  /// follows.
  std::string cleaned(std::string text, bool complete) const;

  PromptingParams params_;
  TaskHead::Input in_;
  std::vector<std::string> fields_;
};

}  // namespace flam
