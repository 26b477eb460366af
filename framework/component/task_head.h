#pragma once
#include "framework/component/types.h"
#include "framework/registry/component.h"

namespace flam {

/// task_head: Request → Task; Result → Answer. It never calls the model.
///
/// How the parts of a request are read: an image (or video) followed by the head's number of texts plus its
/// answer is a shot; the last one is the query. caption: {image}{text} is a shot, {image} the query. vqa:
/// {image}{question}{answer} is a shot, {image}{question} the query. A head that scores takes the request's
/// candidates, if it has any, instead of its own. The texts of a request or an answer are put into a prompt
/// as literal_text(), so that the name of a token in them is plain text. The head's own words are
/// template_text().
class FLAM_API TaskHead : public Component {
 public:
  static constexpr const char* kKind = "task_head";
  struct Input {
    std::string image_token;   // media marker
    std::string end_of_chunk;  // end of one demonstration
  };

  ~TaskHead() override;
  /// Error: the request does not suit the head, for example because a question or required shots are missing.
  virtual Task task(const Request& request) const = 0;
  /// The text after the prompt in training: the expected answer (literal text) and the end token.
  virtual MarkedText target(const std::string& answer) const = 0;
  virtual Answer answer(const Result& result) const = 0;
  /// For streaming: the beginning of answer()'s first field that is already certain when `text` is the
  /// beginning of the generated text. By default "", so that the answer is shown when it is complete.
  virtual std::string settled(const std::string& text) const;
  virtual const char* answer_field() const = 0;  // "pred_caption"
  virtual bool needs_question() const = 0;
  /// Whether a dataset should provide the answers to choose from with each record; by default, false.
  virtual bool takes_candidates() const;
  /// Whether requests may be conversations (Request::messages); by default, false. Such a head is also asked
  /// about texts alone.
  virtual bool takes_messages() const;
};

}  // namespace flam
