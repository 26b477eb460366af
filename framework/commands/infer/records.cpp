#include "framework/commands/infer/records.h"

#include "framework/base/text.h"
#include "framework/commands/infer/answer_record.h"
#include "framework/session/receipt.h"

namespace flam {

Records::Records(const InferOptions& options) {
  if (!options.output.empty()) answers_.emplace(options.output, options.overwrite);
  if (options.output.empty() && options.overwrite) throw Error("--overwrite goes with --output");
  if (!options.contact_sheet.empty()) sheet_.emplace(options.contact_sheet);
}

void Records::begin(const Session& session, const GenerationParams& generation, const InputOptions& inputs) {
  if (answers_) answers_->begin(run_key(session, generation, inputs));
  if (sheet_) sheet_->begin(session);
}

bool Records::is_done(const Request& request) {
  waiting_.push_back(answers_ ? answers_->find(request) : std::nullopt);
  return waiting_.back().has_value();
}

bool Records::take(const Request& request, const Outcome& outcome, int64_t n_best) {
  const std::optional<StoredRecord> found = waiting_.front();
  waiting_.pop_front();
  if (!wanted()) return false;
  const auto record = found ? answers_->keep(request, *found) : outcome_json(request, outcome, n_best);
  if (answers_ && !found) answers_->write(request, record);
  if (sheet_) sheet_->add(request, record);
  return found.has_value();
}

void Records::commit() {
  if (sheet_) sheet_->commit();
  if (answers_) answers_->commit();
}

}  // namespace flam
