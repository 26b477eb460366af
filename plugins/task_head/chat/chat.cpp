// task_head 'chat': conversations in the form that a model was trained on. The template is declared, not a
// program: it covers the Jinja templates of Hugging Face that write each message as a prefix, its pictures
// and texts, and a suffix.

#include <span>

#include "framework/sdk.h"

namespace flam {
namespace {

constexpr const char* kSpaces = " \t\n\r\v\f";

struct RoleParams {
  std::string prefix, suffix;

  void visit(ParamVisitor& v) {
    v("prefix", prefix, "text in front of a message");
    v("suffix", suffix, "text behind a message");
  }
};

/// Defaults: LLaVA-1.5.
struct ChatParams {
  std::string begin;
  RoleParams system, user = {"USER: ", ""}, assistant = {"ASSISTANT: ", ""};
  std::string image = "<image>\n";
  bool images_first = true;
  std::string text_start;
  std::string text_suffix = " ";
  std::string generation_prompt = "ASSISTANT:";
  std::string system_prompt;
  bool strip = true;

  void visit(ParamVisitor& v) {
    v("begin", begin, "text at the beginning of a conversation");
    v("system", system, "around a system message");
    v("user", user, "around a message of the user");
    v("assistant", assistant, "around an earlier answer of the model");
    v("image", image, "what stands for a picture or video; holds the image token once");
    v("images_first", images_first,
      "true: all pictures of a message are in front of its texts (LLaVA); false: they stay where they are");
    v("text_start", text_start,
      "text behind the prefix of a message that does not begin with a picture, but with a text or a video");
    v("text_suffix", text_suffix, "text behind each text of a message");
    v("generation_prompt", generation_prompt, "text behind the last message, which the model continues");
    v("system_prompt", system_prompt, "system message of a conversation without one; empty: none");
    v("strip", strip, "whether whitespace at both ends of an answer is dropped");
  }
};

bool is_blank(const std::string& text) {
  return text.find_first_not_of(kSpaces) == std::string::npos;
}

class Chat final : public TaskHead {
 public:
  Chat(const ChatParams& params, const Input& in) : params_(params), in_(in) {
    const size_t markers = template_text(params.image).find_all(in.image_token).size();
    if (markers != 1) {
      throw Error(cat("image ", quoted(params.image), " has the image token ", quoted(in.image_token), " ",
                      markers, " times, expected once"));
    }
    for (const auto& [name, text] :
         {std::pair("begin", params.begin), std::pair("system.prefix", params.system.prefix),
          std::pair("system.suffix", params.system.suffix), std::pair("user.prefix", params.user.prefix),
          std::pair("user.suffix", params.user.suffix),
          std::pair("assistant.prefix", params.assistant.prefix),
          std::pair("assistant.suffix", params.assistant.suffix), std::pair("text_start", params.text_start),
          std::pair("text_suffix", params.text_suffix),
          std::pair("generation_prompt", params.generation_prompt)}) {
      if (text.find(in.image_token) != std::string::npos) {
        throw Error(cat(name, " ", quoted(text), " has the image token ", quoted(in.image_token),
                        ", but no picture belongs to it; it may only be in `image`"));
      }
    }
  }

  Task task(const Request& request) const override {
    const std::vector<Message> messages = request.messages.empty() ? turns(request) : request.messages;
    if (messages.empty()) throw Error("the request has no messages");
    if (messages.back().role != Message::Role::user)
      throw Error(cat("the last message is of the ", role_name(messages.back().role),
                      "; expected one of the user, which the model answers"));
    Prompt prompt{template_text(params_.begin), {}};
    if (!params_.system_prompt.empty() && messages.front().role != Message::Role::system) {
      const Part text{Part::Kind::text, params_.system_prompt, {}};
      add_message(Message::Role::system, {&text, 1}, prompt);
    }
    for (size_t i = 0; i < messages.size(); ++i) {
      const size_t end = i + 1 < messages.size() ? messages[i + 1].begin : request.parts.size();
      add_message(messages[i].role,
                  std::span(request.parts).subspan(messages[i].begin, end - messages[i].begin), prompt);
    }
    prompt.text += template_text(params_.generation_prompt);
    return Generate{std::move(prompt)};
  }

  MarkedText target(const std::string& answer) const override {
    const std::string prefix = params_.assistant.prefix + params_.text_start;
    const std::string between =
        prefix.starts_with(params_.generation_prompt) ? prefix.substr(params_.generation_prompt.size()) : "";
    return template_text(between) + literal_text(answer) + template_text(in_.end_of_chunk);
  }

  Answer answer(const Result& result) const override {
    return {{answer_field(), result.hypotheses.empty() ? "" : settled(result.hypotheses.front().text)}};
  }
  std::string settled(const std::string& text) const override {
    if (!params_.strip) return text;
    if (is_blank(text)) return "";
    const size_t first = text.find_first_not_of(kSpaces);
    return text.substr(first, text.find_last_not_of(kSpaces) + 1 - first);
  }
  const char* answer_field() const override { return "pred_answer"; }
  bool needs_question() const override { return true; }
  bool takes_messages() const override { return true; }

 private:
  /// The turns of a request that names none: pictures and a text are the user's, the next text is the answer.
  static std::vector<Message> turns(const Request& request) {
    constexpr const char* kExpected =
        "expected: any number of turns, each any number of pictures, a question and its answer, and last the "
        "pictures and the question to answer; other conversations are written as `messages`";
    std::vector<Message> out;
    bool answering = false, complete = true;  // complete: the user's turn has its text
    for (size_t i = 0; i < request.parts.size(); ++i) {
      const bool is_text = request.parts[i].kind == Part::Kind::text;
      if (answering && !is_text)
        throw Error(
            cat("part ", i + 1, " is a picture, but the answer to part ", i, " is missing; ", kExpected));
      if (answering) {
        out.push_back({Message::Role::assistant, i});
        answering = false;
        continue;
      }
      if (complete) out.push_back({Message::Role::user, i});
      complete = answering = is_text;
    }
    if (!complete) throw Error(cat("the question behind the last picture is missing; ", kExpected));
    return out;
  }

  void add_message(Message::Role role, std::span<const Part> parts, Prompt& prompt) const {
    const RoleParams& around = role == Message::Role::system ? params_.system
                               : role == Message::Role::user ? params_.user
                                                             : params_.assistant;
    prompt.text += template_text(around.prefix);
    const auto is_text = [](const Part& part) { return part.kind == Part::Kind::text; };
    bool blank = true;
    for (const Part& part : parts) blank = blank && is_text(part) && is_blank(part.text);
    // A model may answer nothing, and the conversation goes on.
    if (blank && role != Message::Role::assistant)
      throw Error(cat("a message of the ", role_name(role), " is empty"));
    if (parts.empty() || parts.front().kind != Part::Kind::image)
      prompt.text += template_text(params_.text_start);
    const auto add_text = [&](const Part& part) {
      prompt.text += literal_text(part.text) + template_text(params_.text_suffix);
    };
    for (const Part& part : parts) {
      if (is_text(part)) {
        if (!params_.images_first) add_text(part);
        continue;
      }
      prompt.text += template_text(params_.image);
      prompt.media.push_back(part);
    }
    if (params_.images_first) {
      for (const Part& part : parts) {
        if (is_text(part)) add_text(part);
      }
    }
    prompt.text += template_text(around.suffix);
  }

  ChatParams params_;
  Input in_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<Chat, ChatParams>("chat", "conversations about pictures, in the template of the model");
}

}  // namespace flam
