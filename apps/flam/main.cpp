#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <new>
#include <string_view>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/device/short_waits.h"

namespace {

/// Accepts plain decimal numbers only: 010 is not 8, and nan is not valid for any option.
void require_decimals(CLI::App& app) {
  const auto check = [](std::string& text) {
    const size_t first = text.find_first_not_of("+-");
    const bool octal = first != std::string::npos && text[first] == '0' && first + 1 < text.size() &&
                       std::isdigit(static_cast<unsigned char>(text[first + 1]));
    const bool plain = !text.empty() && text.find_first_not_of("0123456789.eE+-") == std::string::npos;
    return plain && !octal ? "" : "expected a decimal number, found " + flam::quoted(text);
  };
  for (CLI::App* command : app.get_subcommands({})) {
    for (CLI::Option* option : command->get_options()) {
      const std::string type = option->get_type_name();
      if (type.starts_with("INT") || type.starts_with("UINT") || type.starts_with("FLOAT"))
        option->check(CLI::Validator(check, ""));
    }
  }
}

/// Some functions of the standard library, such as those that list folders, are noexcept although they
/// allocate, so that running out of memory in them ends the program.
[[noreturn]] void end_without_memory() {
  try {
    if (const auto cause = std::current_exception()) std::rethrow_exception(cause);
  } catch (const std::bad_alloc&) {
    constexpr std::string_view kMessage = "error: not enough memory\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kMessage.data(), kMessage.size());
    std::_Exit(1);
  } catch (...) {
  }
  std::abort();
}

int run(int argc, char** argv) {
  CLI::App app{"flam assembles Flamingo-type vision-language models from plugins, and runs them", "flam"};
  app.require_subcommand(1);
  app.set_version_flag("--version", FLAM_VERSION);
  app.footer("Example: flam infer flamingo_mini_caption docs/images/scene.png");
  int status = 0;
  for (auto* add : {flam::cli::add_infer,        flam::cli::add_chat,
                    flam::cli::add_import,       flam::cli::add_list,
                    flam::cli::add_inspect,      flam::cli::add_config,
                    flam::cli::add_describe,     flam::cli::add_diff,
                    flam::cli::add_verify,       flam::cli::add_train,
                    flam::cli::add_evaluate,     flam::cli::add_score,
                    flam::cli::add_report,       flam::cli::add_features,
                    flam::cli::add_convert,      flam::cli::add_quantize_command,
                    flam::cli::add_bench,        flam::cli::add_compare,
                    flam::cli::add_schema,       flam::cli::add_new_plugin,
                    flam::cli::add_check_plugin, flam::cli::add_completion,
                    flam::cli::add_doctor}) {
    add(app, status);
  }
  require_decimals(app);
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  if (argc > 1 && argv[1][0] != '-' && std::find(names.begin(), names.end(), argv[1]) == names.end()) {
    throw flam::Error(flam::cat("no command ", flam::quoted(argv[1]), flam::did_you_mean(argv[1], names),
                                " (known: ", flam::join(names, ", "), ")"));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    const auto used = app.get_subcommands();
    std::cerr << "flam: " << flam::printable(error.what(), 1000) << "\nRun `flam "
              << (used.empty() ? "" : used.front()->get_name() + " ") << "--help` for its usage.\n";
    return 2;
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  std::set_terminate(end_without_memory);
  flam::cli::watch_signals();
  flam::cli::prepare_process();
  try {
    const int status = run(argc, argv);
    if (flam::cli::interrupted()) return flam::cli::interrupted_status();
    if (!std::cout.flush()) throw flam::RunError("standard output can't be written; results are lost");
    return status;
  } catch (const flam::Error& error) {
    std::cerr << "error: " << error.what() << "\n";
    return flam::cli::interrupted() ? flam::cli::interrupted_status() : error.exit_status();
  } catch (const std::bad_alloc&) {
    std::cerr << "error: not enough memory\n";
    return 1;
  } catch (const std::exception& error) {
    // libtorch appends a stack trace to its first line.
    std::string text = error.what();
    text = text.substr(0, text.find('\n'));
    if (const size_t refused = text.find("you tried to allocate "); refused != std::string::npos)
      text = "not enough memory: " + text.substr(refused + 4);
    std::cerr << "error: " << flam::printable(text, 2000) << "\n";
    return 1;
  }
}
