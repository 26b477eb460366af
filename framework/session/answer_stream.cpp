#include "framework/session/answer_stream.h"

#include <algorithm>

#include "framework/component/unfinished.h"
#include "framework/generate/generate.h"

namespace flam {

void AnswerStream::start(const std::vector<std::string>& stop_strings) {
  stop_strings_ = stop_strings;
  text_.emplace(
      [&tokenizer = tokenizer_](const std::vector<int64_t>& ids) { return text_of(ids, tokenizer); },
      [&tokenizer = tokenizer_](const std::vector<int64_t>& ids) { return tokenizer.unsettled_ids(ids); });
}

void AnswerStream::add(int64_t id) {
  text_->append(id);
  const std::string& text = text_->text();
  const size_t end =
      std::min(find_stop_string(text, stop_strings_), text.size() - unfinished_word(text, stop_strings_));
  show_up_to(head_.settled(text.substr(0, end)));
}

bool AnswerStream::finish(const std::string& answer) {
  show_up_to(answer);
  return shown_ == answer;
}

void AnswerStream::show_up_to(const std::string& text) {
  if (text.size() <= shown_.size() || !text.starts_with(shown_)) return;
  const std::string piece = text.substr(shown_.size());
  shown_ = text;
  show_(piece);
}

}  // namespace flam
