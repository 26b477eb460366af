#include "apps/flam/line_reader.h"

#include <editline/readline.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <memory>

#include "framework/base/error.h"
#include "framework/base/file.h"

namespace flam::cli {

namespace {
constexpr size_t kLongestLine = size_t{1} << 20;
}  // namespace

LineReader::LineReader() : is_terminal_(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
  if (!is_terminal_) return;
  static char name[] = "flam";
  rl_readline_name = name;  // ~/.editrc may have lines for this program alone
  using_history();
}

std::optional<std::string> LineReader::next(const char* prompt) {
  if (!is_terminal_) {
    std::string line;
    size_t length = 0;
    if (!read_line(std::cin, line, length, kLongestLine)) return std::nullopt;
    if (length > kLongestLine) throw Error("standard input: a line is longer than 1 MiB");
    return line;
  }
  std::cout.flush();
  const std::unique_ptr<char, void (*)(void*)> line(readline(prompt), std::free);
  if (!line) return std::nullopt;
  if (*line.get() != '\0') add_history(line.get());
  return std::string(line.get());
}

}  // namespace flam::cli
