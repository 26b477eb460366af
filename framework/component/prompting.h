#pragma once
// The block of task heads that show a model examples and let it complete the last one.

#include <string>
#include <vector>

#include "framework/component/task_head.h"

namespace flam {

/// What such heads have in common; each sets its own defaults.
struct FLAM_API PromptTemplates {
  std::string zeroshot_prompt;
  std::string shot_prompt;
  std::string final_prompt;
  bool require_shots = false;

  void visit(ParamVisitor& v);
};

/// And those whose answers are texts that the model generates.
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
  /// `fields`: the texts of a shot in order, the last of which the model is to give ({"question", "answer"});
  /// the query has the others. Templates name them as {question}. Error: a template without exactly one image
  /// token, or with an unknown field.
  Prompting(const PromptingParams& params, const TaskHead::Input& in, std::vector<std::string> fields);

  /// Shots, or the zero-shot prompt when there are none, and the query. Error: parts that are not so arranged
  /// (the message names the part, counted from 1), an empty text, shots missing though required.
  Prompt prompt(const Request& request) const;
  /// The first hypothesis' text, cut before the first of `cut_at`, without `remove`.
  std::string clean(const Result& result) const;
  /// TaskHead::settled() of heads whose answer is clean().
  std::string settled(const std::string& text) const { return cleaned(text, false); }
  /// An answer and the end token.
  MarkedText target(const std::string& answer) const {
    return literal_text(answer) + template_text(in_.end_of_chunk);
  }

 private:
  void check_template(const char* name, const std::string& text, size_t known) const;
  MarkedText fill(const std::string& text, const std::vector<const Part*>& texts) const;
  std::string arrangement() const;
  /// clean() of a text that is complete, or its beginning that stays whatever follows.
  std::string cleaned(std::string text, bool complete) const;

  PromptingParams params_;
  TaskHead::Input in_;
  std::vector<std::string> fields_;
};

}  // namespace flam
