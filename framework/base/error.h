#pragma once
// Located errors. Error: the input was rejected (exit status 2). RunError: running failed (exit status 1).

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// A place in a text file; line and column count from 1, 0 means unknown. `file` may also name a source
/// such as "--set".
struct FLAM_API Location {
  std::shared_ptr<const std::string> file;
  int line = 0;
  int column = 0;

  /// "file:line:column", without the parts that are unknown; "" when nothing is known.
  std::string str() const;
};

/// What sort of failure an error is.
enum class ErrorKind {
  refused,      // the input is not acceptable
  failed,       // running it failed
  interrupted,  // the caller asked to stop
};

/// The input (usage, config, file) is not acceptable: what was found, what was expected, what to do.
class FLAM_API Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message);
  Error(const Location& where, const std::string& message);  // "file:line:column: message"
  ~Error() override;
  virtual ErrorKind kind() const { return ErrorKind::refused; }
  int exit_status() const { return kind() == ErrorKind::refused ? 2 : 1; }
};

/// The input was acceptable, but running it failed.
class FLAM_API RunError : public Error {
 public:
  using Error::Error;
  ~RunError() override;
  ErrorKind kind() const override { return ErrorKind::failed; }
};

/// Collects errors, so that all errors of a file are reported at once.
class FLAM_API ErrorList {
 public:
  void add(const std::string& message);
  void add(const Location& where, const std::string& message);
  bool empty() const { return messages_.empty(); }
  const std::vector<std::string>& messages() const { return messages_; }
  /// Throws one Error with every message on its own line; returns if there are none.
  void throw_if_any() const;

 private:
  std::vector<std::string> messages_;
};

}  // namespace flam
