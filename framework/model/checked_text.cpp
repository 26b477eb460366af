// Checks of the values that tokenizers and task heads return.
#include <set>

#include "framework/base/text.h"
#include "framework/model/checked.h"

namespace flam {

namespace {

class CheckedTokenizer final : public Tokenizer {
 public:
  CheckedTokenizer(std::unique_ptr<Tokenizer> inner, Border border, const Input& in)
      : inner_(std::move(inner)), border_(std::move(border)), base_size_(in.vocab_size) {
    CheckedTokenizer::base_size();
    for (const std::string& token : CheckedTokenizer::added_tokens())
      if (token.empty()) border_.fail("gives an empty token from added_tokens()");
  }

  void load(const std::filesystem::path& root) override {
    border_("load", [&] { inner_->load(root); });
  }
  int64_t base_size() const override {
    const int64_t size = border_("base_size", [&] { return inner_->base_size(); });
    if (size != base_size_)
      border_.fail(cat("gives ", size, " from base_size(); the decoder's vocab_size is ", base_size_));
    return size;
  }
  const std::vector<std::string>& added_tokens() const override {
    return border_("added_tokens",
                   [&]() -> const std::vector<std::string>& { return inner_->added_tokens(); });
  }
  std::vector<int64_t> encode(const MarkedText& text, bool add_bos) const override {
    std::vector<int64_t> ids = border_("encode", [&] { return inner_->encode(text, add_bos); });
    const int64_t size = vocabulary();
    for (const int64_t id : ids) check_id("encode", id, size);
    return ids;
  }
  std::string decode(const std::vector<int64_t>& ids, bool skip_special_tokens) const override {
    return border_("decode", [&] { return inner_->decode(ids, skip_special_tokens); });
  }
  size_t unsettled_ids(const std::vector<int64_t>& ids) const override {
    const size_t count = border_("unsettled_ids", [&] { return inner_->unsettled_ids(ids); });
    if (count > ids.size())
      border_.fail(cat("gives ", count, " from unsettled_ids() for ", ids.size(), " ids"));
    return count;
  }
  std::optional<int64_t> token_id(const std::string& token) const override {
    const auto id = border_("token_id", [&] { return inner_->token_id(token); });
    if (id) check_id("token_id", *id, vocabulary());
    return id;
  }
  int64_t bos_id() const override {
    return known_id("bos_id", border_("bos_id", [&] { return inner_->bos_id(); }));
  }
  int64_t eos_id() const override {
    return known_id("eos_id", border_("eos_id", [&] { return inner_->eos_id(); }));
  }
  int64_t pad_id() const override {
    return known_id("pad_id", border_("pad_id", [&] { return inner_->pad_id(); }));
  }
  const std::string& image_token() const override {
    const std::string& token =
        border_("image_token", [&]() -> const std::string& { return inner_->image_token(); });
    if (token.empty()) border_.fail("gives an empty text from image_token()");
    return token;
  }

 private:
  int64_t vocabulary() const { return base_size_ + static_cast<int64_t>(added_tokens().size()); }
  void check_id(const char* call, int64_t id, int64_t size) const {
    if (id < 0 || id >= size)
      border_.fail(cat("gives the id ", id, " from ", call, "(); expected ids from 0 to ", size - 1));
  }
  int64_t known_id(const char* call, int64_t id) const {
    check_id(call, id, vocabulary());
    return id;
  }

  std::unique_ptr<Tokenizer> inner_;
  Border border_;
  int64_t base_size_;
};

class CheckedTaskHead final : public TaskHead {
 public:
  CheckedTaskHead(std::unique_ptr<TaskHead> inner, Border border, const Input& in)
      : inner_(std::move(inner)), border_(std::move(border)), image_token_(in.image_token) {}

  Task task(const Request& request) const override {
    Task task = border_("task", [&] { return inner_->task(request); });
    check_prompt(prompt_of(task));
    if (const auto* score = std::get_if<Score>(&task)) {
      if (score->candidates.empty())
        border_.fail("gives a task to score from task() that has no candidates to choose from");
      if (score->calibration) check_prompt(*score->calibration);
    }
    return task;
  }
  MarkedText target(const std::string& answer) const override {
    return border_("target", [&] { return inner_->target(answer); });
  }
  Answer answer(const Result& result) const override {
    Answer answer = border_("answer", [&] { return inner_->answer(result); });
    if (answer.empty()) border_.fail("gives an answer without fields from answer()");
    std::set<std::string> fields;
    for (const auto& [field, text] : answer) {
      if (field.empty()) border_.fail("gives a field without a name from answer()");
      if (!fields.insert(field).second)
        border_.fail(cat("gives the field ", quoted(field), " twice from answer()"));
    }
    return answer;
  }
  std::string settled(const std::string& text) const override {
    return border_("settled", [&] { return inner_->settled(text); });
  }
  const char* answer_field() const override {
    const char* field = border_("answer_field", [&] { return inner_->answer_field(); });
    if (!field || !*field) border_.fail("gives no name from answer_field()");
    return field;
  }
  bool needs_question() const override {
    return border_("needs_question", [&] { return inner_->needs_question(); });
  }
  bool takes_messages() const override {
    return border_("takes_messages", [&] { return inner_->takes_messages(); });
  }
  bool takes_candidates() const override {
    return border_("takes_candidates", [&] { return inner_->takes_candidates(); });
  }

 private:
  int64_t markers_in(const Prompt& prompt) const {
    if (image_token_.empty()) return 0;
    return std::ssize(prompt.text.find_all(image_token_));
  }
  void check_prompt(const Prompt& prompt) const {
    const int64_t markers = markers_in(prompt);
    if (markers != std::ssize(prompt.media)) {
      border_.fail(cat("gives a prompt from task() with ", markers, " media markers ", quoted(image_token_),
                       " for ", prompt.media.size(), " pictures or videos"));
    }
    for (const Part& media : prompt.media) {
      if (media.kind == Part::Kind::text || media.pictures.empty())
        border_.fail("gives a prompt from task() with a media element that has no pictures");
    }
  }

  std::unique_ptr<TaskHead> inner_;
  Border border_;
  std::string image_token_;
};

}  // namespace

std::unique_ptr<Tokenizer> checked(std::unique_ptr<Tokenizer> component, Border border,
                                   const Tokenizer::Input& in) {
  return std::make_unique<CheckedTokenizer>(std::move(component), std::move(border), in);
}
std::unique_ptr<TaskHead> checked(std::unique_ptr<TaskHead> component, Border border,
                                  const TaskHead::Input& in) {
  return std::make_unique<CheckedTaskHead>(std::move(component), std::move(border), in);
}

}  // namespace flam
