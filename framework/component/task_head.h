#pragma once
#include "framework/component/types.h"
#include "framework/registry/component.h"

namespace flam {

/// task_head: Request → Task; Result → Answer. Never calls the model.
///
/// How the parts of a request are read: an image (or video) followed by the head's number of texts plus its
/// answer is a shot; the last one is the query. caption: {image}{text} is a shot, {image} the query. vqa:
/// {image}{question}{answer} is a shot, {image}{question} the query. A head that scores takes the request's
/// candidates, if it has any, instead of its own. What a request or an answer says goes into a prompt as
/// literal_text(), so that a token's name in it is text; the head's own words are template_text().
class FLAM_API TaskHead : public Component {
 public:
  static constexpr const char* kKind = "task_head";
  struct Input {
    std::string image_token;   // media marker
    std::string end_of_chunk;  // end of one demonstration
  };

  ~TaskHead() override;
  /// Error: wrong use, such as a question that is missing or shots that the head requires.
  virtual Task task(const Request& request) const = 0;
  /// What stands behind the prompt in training: the expected answer (literal text) and the end token.
  virtual MarkedText target(const std::string& answer) const = 0;
  virtual Answer answer(const Result& result) const = 0;
  /// For streaming: the start of answer()'s first field that stays the same whatever follows `text`, the
  /// start of a generated text. Unless overridden "", so that the answer is shown when it is complete.
  virtual std::string settled(const std::string& text) const;
  virtual const char* answer_field() const = 0;  // "pred_caption"
  virtual bool needs_question() const = 0;
  /// Whether a dataset should give the answers to choose from with each record; unless overridden, false.
  virtual bool takes_candidates() const;
};

}  // namespace flam
