// Completion scripts for shells, and the candidates that they request.

#include <algorithm>
#include <iostream>
#include <set>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "apps/flam/completion/scripts.h"
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/recipe/paths.h"

namespace flam::cli {

namespace {

using Words = std::vector<std::string>;

void add_models(const std::filesystem::path& folder, std::set<std::string>& out) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) return;
  for (const auto& [name, file] : list_configs(folder)) out.insert(name);
}

void add_components(std::set<std::string>& out) {
  for (const auto& entry : open_registry({})->list()) {
    out.insert(entry.name);
    out.insert(entry.kind + "/" + entry.name);
  }
}

/// Values of an option; ":files" and ":folders" tell the shell to complete files or folders.
std::set<std::string> values_of(const std::string& option, const std::string& type) {
  if (option == "--device") return {"auto", "cpu", "cuda"};
  if (option == "--dtype") return {"float32", "bfloat16", "float16"};
  if (option == "--quantize") return {"int8", "int4", "none"};
  if (option == "--weights") return {"random", ":files"};
  if (type == "DIR") return {":folders"};
  const std::set<std::string> free = {"--set",          "--set-a",    "--set-b",  "--seed",
                                      "--weights-seed", "--question", "--threads"};
  return free.contains(option) ? std::set<std::string>{} : std::set<std::string>{":files"};
}

std::set<std::string> values_of_positional(const std::string& name) {
  std::set<std::string> out;
  if (name.starts_with("CONFIG")) {
    add_models(configs_root(), out);
    out.insert(":files");
  } else if (name == "EXPERIMENT") {
    add_models(configs_root() / "experiments", out);
    out.insert(":files");
  } else if (name == "KIND") {
    out.insert(component_kinds().begin(), component_kinds().end());
    out.insert("models");
  } else if (name == "NAME|FILE") {
    out.insert(component_kinds().begin(), component_kinds().end());
    add_components(out);
    add_models(configs_root(), out);
    out.insert(":files");
  } else if (name == "DIR") {
    out.insert(":folders");
  } else if (name == "SHELL") {
    out = {"bash", "zsh"};
  } else {
    out.insert(":files");
  }
  return out;
}

const CLI::Option* option_named(const CLI::App& command, const std::string& word) {
  for (const CLI::Option* option : command.get_options())
    if (!option->get_positional() && option->check_name(word)) return option;
  return nullptr;
}

bool takes_value(const CLI::Option* option) {
  return option && option->get_items_expected_max() > 0;
}

std::set<std::string> option_names(const CLI::App& command) {
  std::set<std::string> out;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) out.insert("--" + name);
  return out;
}

/// Candidates for the last word after `flam`, which may be empty.
std::set<std::string> candidates(const CLI::App& app, Words words) {
  // bash splits --device=cpu into three words.
  words.erase(std::remove_if(words.begin(), words.end() - 1, [](const auto& word) { return word == "="; }),
              words.end() - 1);
  if (words.back() == "=") words.back().clear();
  const std::string current = words.back();
  if (words.size() == 1) {
    std::set<std::string> out;
    if (current.starts_with("-")) return option_names(app);
    for (const CLI::App* command : app.get_subcommands({})) out.insert(command->get_name());
    return out;
  }
  const CLI::App* command = nullptr;
  for (const CLI::App* other : app.get_subcommands({}))
    if (other->get_name() == words[0]) command = other;
  if (!command) return {};
  size_t position = 0;
  for (size_t i = 1; i + 1 < words.size(); ++i) {
    if (!words[i].starts_with("-")) {
      ++position;
    } else if (const CLI::Option* option = option_named(*command, words[i]); takes_value(option)) {
      if (i + 2 == words.size()) return values_of(words[i], option->get_type_name());
      ++i;
    }
  }
  if (current.starts_with("-")) return option_names(*command);
  std::string name = "FILE";
  for (const CLI::Option* option : command->get_options()) {
    if (!option->get_positional()) continue;
    name = option->get_name(true);
    if (position == 0) break;
    position -= option->get_items_expected_max() == 1;  // a list takes all following words
  }
  return values_of_positional(name);
}

}  // namespace

void add_completion(CLI::App& app, int& status) {
  struct Options {
    std::string shell;
    Words words;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("completion", "print a script that completes flam's command line in a shell");
  command->footer("Example: source <(flam completion bash)");
  command->add_option("SHELL", options->shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "candidates"}).description(""));
  command->add_option("WORDS", options->words, "")->group("");  // after `candidates`: the line so far
  command->callback([options, &app, &status] {
    status = 0;
    if (options->shell != "candidates" && !options->words.empty())
      throw Error(cat("a script for one shell at a time; what is ", quoted(options->words.front()), "?"));
    if (options->shell == "bash") std::cout << kBashCompletion;
    if (options->shell == "zsh") std::cout << kZshCompletion;
    if (options->shell != "candidates" || options->words.empty()) return;
    for (const std::string& candidate : candidates(app, options->words))
      if (candidate.starts_with(":") || candidate.starts_with(options->words.back()))
        std::cout << candidate << "\n";
  });
}

}  // namespace flam::cli
