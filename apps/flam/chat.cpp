#include <iostream>
#include <iterator>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "apps/flam/line_reader.h"
#include "framework/base/text.h"
#include "framework/generate/generate.h"
#include "framework/request/request_source.h"
#include "framework/request/video_part.h"
#include "framework/session/session_parts.h"

namespace flam::cli {

namespace {

constexpr const char* kHelp =
    "/image PATH  show a picture or video to the model with the next question (repeatable)\n"
    "/reset       forget the conversation\n"
    "/help        list these commands\n"
    "/quit        leave; so does Ctrl-D\n"
    "Anything else is said to the model. Ctrl-C ends an answer early, or clears a line; a second one "
    "leaves. Tab completes paths.\n";

struct ChatOptions {
  std::string config, system;
  std::vector<std::string> images;
  int64_t max_new_tokens = 0;
  std::optional<int64_t> seed;
  RunOptions session;
};

GenerationParams generation_of(const ChatOptions& options, const RunConfig& config) {
  GenerationParams out = config.generation;
  if (options.max_new_tokens > 0) out.max_new_tokens = options.max_new_tokens;
  if (options.seed) out.seed = *options.seed;
  return out;
}

Part text_part(std::string text) {
  return {Part::Kind::text, std::move(text), {}};
}

/// Text for a terminal or a pipe: control characters are escaped, but lines stay lines.
void print(const std::string& text) {
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::cout << printable(std::string_view(text).substr(begin, end - begin), text.size() * 4 + 1);
    if (end < text.size()) std::cout << "\n";
    begin = end + 1;
  }
  std::cout.flush();
}

class Conversation {
 public:
  Conversation(const ChatOptions& options, std::shared_ptr<Session> session)
      : options_(options),
        session_(std::move(session)),
        generation_(generation_of(options, session_->config())) {
    reset();
  }

  void reset() {
    so_far_ = {};
    shown_.clear();
    if (options_.system.empty()) return;
    so_far_.messages.push_back({Message::Role::system, 0});
    so_far_.parts.push_back(text_part(options_.system));
  }

  /// Adds a picture or video to the next question. Error: it can't be read.
  void show(const std::string& path) {
    std::vector<Part> picture = {media_part(path)};
    session_->parts().media->measure(picture);
    shown_.push_back(std::move(picture.front()));
  }

  /// Asks, and prints the answer while it is generated. Error: there is no answer; the question is forgotten,
  /// but its pictures are kept for another try.
  void ask(const std::string& question) {
    Request request = so_far_;
    request.messages.push_back({Message::Role::user, request.parts.size()});
    request.parts.insert(request.parts.end(), shown_.begin(), shown_.end());
    request.parts.push_back(text_part(question));
    CallOptions call;
    call.generation = generation_;
    call.on_text = [](size_t, const std::string& piece) { print(piece); };
    call.cancelled = interrupted;
    Outcome outcome;
    try {
      outcome = session_->answer(request, call);
    } catch (const Error& error) {
      std::cout << std::flush;
      const bool is_full = std::string_view(error.what()).find("the context of") != std::string_view::npos;
      if (!is_full || so_far_.messages.empty()) throw;
      throw Error(cat(error.what(), ". The conversation is too long: /reset forgets it"));
    }
    std::cout << std::endl;
    request.messages.push_back({Message::Role::assistant, request.parts.size()});
    request.parts.push_back(text_part(outcome.answer.front().second));
    so_far_ = std::move(request);
    shown_.clear();
  }

 private:
  const ChatOptions& options_;
  std::shared_ptr<Session> session_;
  GenerationParams generation_;
  Request so_far_;
  std::vector<Part> shown_;  // pictures of the next question
};

/// Carries out one line. Returns false if it ends the conversation.
bool carry_out(const std::string& line, Conversation& conversation) {
  const size_t first = line.find_first_not_of(" \t\r");
  if (first == std::string::npos) return true;
  const size_t last = line.find_last_not_of(" \t\r") + 1;
  const std::string text = line.substr(first, last - first);
  if (text.front() != '/') {
    conversation.ask(text);
    return true;
  }
  const std::string command = text.substr(0, text.find_first_of(" \t"));
  const size_t rest = text.find_first_not_of(" \t", command.size());
  const std::string argument = rest == std::string::npos ? "" : text.substr(rest);
  if (command == "/quit" || command == "/exit") return false;
  if (command == "/reset") {
    conversation.reset();
  } else if (command == "/help") {
    std::cerr << kHelp;
  } else if (command == "/image") {
    if (argument.empty()) throw Error("/image needs the path of a picture");
    conversation.show(argument);
  } else {
    throw Error(cat("no command ", quoted(command),
                    did_you_mean(command, {"/image", "/reset", "/help", "/quit"}), "; /help lists them"));
  }
  return true;
}

int run(const ChatOptions& options) {
  InputOptions inputs;
  inputs.images = options.images;
  check_inputs(inputs);
  RunOptions opening = options.session;
  opening.before_loading = [&](const RunConfig& config, const TaskHead* head) {
    if (!head || !head->takes_messages()) {
      throw Error(cat("the task head of ", quoted(options.config),
                      " takes no conversations; flam chat needs a model with the task head 'chat', such as "
                      "a Hugging Face folder (docs/models.md)"));
    }
    check_generation(generation_of(options, config));
  };
  const auto session = open_session(options.config, opening);
  Conversation conversation(options, session);
  for (const std::string& image : options.images) conversation.show(image);
  LineReader lines;
  if (lines.is_terminal())
    std::cerr << "Chat with " << session->config().name << ". /help lists the commands.\n";
  int status = 0;
  // On a terminal, Ctrl-C clears the line that is being typed, and a second one ends the program.
  if (lines.is_terminal()) static_cast<void>(interrupted());
  for (bool cleared = false;;) {
    const auto line = lines.next("> ");
    if (!line) {
      if (cleared || !forget_ctrl_c()) break;
      cleared = true;
      std::cout << "\n(Ctrl-C again or Ctrl-D ends the conversation)" << std::endl;
      continue;
    }
    cleared = false;
    try {
      if (!carry_out(*line, conversation)) break;
    } catch (const Error& error) {
      if (!interrupted()) {
        std::cerr << "error: " << error.what() << "\n";
        status = 1;
      }
    }
    if (interrupted() && !forget_ctrl_c()) break;
  }
  if (lines.is_terminal()) std::cout << std::endl;
  return status;
}

}  // namespace

void add_chat(CLI::App& app, int& status) {
  auto options = std::make_shared<ChatOptions>();
  CLI::App* command = app.add_subcommand("chat", "talk with a model about pictures");
  command->footer("Example: flam chat llava-1.5-7b-hf scene.png\nWithin the conversation:\n" +
                  std::string(kHelp));
  command->add_option("CONFIG", options->config, "model name, config file or Hugging Face folder")
      ->required();
  command->add_option("IMAGE", options->images, "pictures or videos for the first question");
  command->add_option("--system", options->system, "system message at the beginning")->type_name("TEXT");
  command
      ->add_option("--max-new-tokens", options->max_new_tokens,
                   "most tokens of an answer, instead of the config's")
      ->check(CLI::Range(1, 100000));
  add_session_options(*command, options->session);
  add_seed(*command, options->seed, "seed of sampling, instead of the config's");
  command->callback([options, &status] { status = run(*options); });
}

}  // namespace flam::cli
