#pragma once
// Where the records of a run go besides standard output: --output and --contact-sheet.

#include <deque>
#include <optional>

#include "framework/commands/infer/answer_file.h"
#include "framework/commands/infer/contact_sheet.h"
#include "framework/commands/infer/infer.h"

namespace flam {

class Records {
 public:
  /// Opens the files. Error: as in AnswerFile and AtomicFile.
  explicit Records(const InferOptions& options);

  bool wanted() const { return answers_ || sheet_; }
  void begin(const Session& session, const GenerationParams& generation, const InputOptions& inputs);

  /// Whether the answer of the next request is in the output already. Called once for each request, before
  /// take().
  bool is_done(const Request& request);
  /// Takes the outcome of the next request, in the order of the calls of is_done(). The outcome is ignored if
  /// the request was done. Returns whether it was.
  bool take(const Request& request, const Outcome& outcome, int64_t n_best);
  /// Puts the files in place.
  void commit();

 private:
  std::optional<AnswerFile> answers_;
  std::optional<ContactSheet> sheet_;
  std::deque<std::optional<StoredRecord>> waiting_;  // for each request between is_done() and take()
};

}  // namespace flam
