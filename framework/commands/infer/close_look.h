#pragma once
// --record and --explain: how one answer came about.

#include <optional>
#include <string>

#include "framework/base/file.h"
#include "framework/commands/infer/infer.h"

namespace flam {

class CloseLook {
 public:
  /// Error: several answers are asked for, or a file that can't be written.
  explicit CloseLook(const InferOptions& options);

  bool wanted() const { return !record_.empty() || page_; }
  /// Error: there is another request before this one.
  void require_first(int64_t requests_before) const;
  /// What is asked, and its outcome.
  void look_at(const Request& request, const Prompt& prompt);
  void take(const Outcome& outcome);
  /// Writes the files about the answer that was taken, if there is one.
  void write(const Session& session);

 private:
  std::string record_;
  std::optional<AtomicFile> page_;
  Request request_;
  Prompt prompt_;
  std::optional<Outcome> outcome_;
};

}  // namespace flam
