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

/// Shows the answer to one request while it is generated: each piece once, and only text that the answer will
/// have. What may still become a stop string, or be taken out by the task head, is held back.
class AnswerStream {
 public:
  using Show = std::function<void(const std::string& piece)>;

  AnswerStream(const Tokenizer& tokenizer, const TaskHead& head, Show show)
      : tokenizer_(tokenizer), head_(head), show_(std::move(show)) {}

  /// The answer is generated from its start, for the first time or again. What was shown is not shown again.
  void start(const std::vector<std::string>& stop_strings);
  /// The next generated id.
  void add(int64_t id);
  /// Shows the rest of `answer`. False: what was shown is not its beginning.
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
