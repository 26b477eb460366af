#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/component/task_head.h"
#include "framework/component/tokenizer.h"
#include "framework/generate/growing_text.h"

namespace flam {

/// Shows the answer to one request while it is generated. Each piece is shown once, and only text that the
/// final answer contains. Text that may still turn into a stop string, or that the task head may still
/// remove, is held back.
class AnswerStream {
 public:
  using Show = std::function<void(const std::string& piece)>;

  AnswerStream(const Tokenizer& tokenizer, const TaskHead& head, Show show)
      : tokenizer_(tokenizer), head_(head), show_(std::move(show)) {}

  /// Begins the answer, or begins it again after a failed attempt. Text that was already shown is not shown
  /// again.
  void start(const std::vector<std::string>& stop_strings);
  /// Adds the next generated id.
  void add(int64_t id);
  /// Shows the rest of `answer`. Returns false if the text that was shown is not a prefix of it.
  bool finish(const std::string& answer);

 private:
  void show_up_to(const std::string& text);

  const Tokenizer& tokenizer_;
  const TaskHead& head_;
  Show show_;
  std::vector<std::string> stop_strings_;
  std::optional<GrowingText> text_;
  std::string shown_;
};

}  // namespace flam
