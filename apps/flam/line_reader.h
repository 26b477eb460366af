#pragma once
#include <optional>
#include <string>

namespace flam::cli {

/// Reads lines from standard input: with editing and a history from a terminal, and as they are from a pipe
/// or a file.
class LineReader {
 public:
  LineReader();
  bool is_terminal() const { return is_terminal_; }
  /// The next line without its end. nullopt at the end of the input, or when a signal arrived. `prompt` is
  /// shown on a terminal. Error: a line is longer than 1 MiB.
  std::optional<std::string> next(const char* prompt);

 private:
  bool is_terminal_;
};

}  // namespace flam::cli
