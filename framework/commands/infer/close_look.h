#pragma once
// --record and --explain, which show how a single answer was generated.

#include <optional>
#include <string>

#include "framework/base/file.h"
#include "framework/commands/infer/infer.h"

namespace flam {

class CloseLook {
 public:
  /// Error: the options ask for several answers, or a file can't be written.
  explicit CloseLook(const InferOptions& options);

  bool wanted() const { return !record_.empty() || page_; }
  /// Error: this request is not the first one.
  void require_first(int64_t requests_before) const;
  /// Stores the request and its prompt.
  void look_at(const Request& request, const Prompt& prompt);
  /// Stores the outcome.
  void take(const Outcome& outcome);
  /// Writes the files for the stored outcome, if there is one.
  void write(const Session& session);

 private:
  std::string record_;
  std::optional<AtomicFile> page_;
  Request request_;
  Prompt prompt_;
  std::optional<Outcome> outcome_;
};

}  // namespace flam
