#include "framework/commands/infer/close_look.h"

#include "framework/base/text.h"
#include "framework/commands/explain/explain.h"

namespace flam {

CloseLook::CloseLook(const InferOptions& options) : record_(options.record) {
  if (record_.empty() && options.explain.empty()) return;
  if (!options.output.empty())
    throw Error("--record and --explain show one answer in detail, and can't be combined with --output");
  const bool from_file = !options.inputs.request_file.empty();
  if (!from_file && !asks_about_one_picture(options.inputs)) {
    throw Error(
        cat(record_.empty() ? "--explain" : "--record", " needs exactly one answer; name one picture"));
  }
  if (!options.explain.empty()) page_.emplace(options.explain);
  if (!record_.empty()) const AtomicFile can_be_written(record_);
}

void CloseLook::require_first(int64_t requests_before) const {
  if (wanted() && requests_before > 0)
    throw Error("--record and --explain need exactly one answer, but there are several requests");
}

void CloseLook::look_at(const Request& request, const Prompt& prompt) {
  if (!wanted()) return;
  request_ = request;
  prompt_ = prompt;
}

void CloseLook::take(const Outcome& outcome) {
  if (wanted()) outcome_ = outcome;
}

void CloseLook::write(const Session& session) {
  if (!outcome_) return;
  std::string page;  // made before anything is put in place
  if (page_) page = explanation_page(explain(session, request_, prompt_, *outcome_), session.config().name);
  if (!record_.empty()) {
    const auto& ids = outcome_->result.hypotheses.front().ids;
    write_recording(record_, record_answer(session, prompt_, ids), session);
  }
  if (!page_) return;
  page_->write(page);
  page_->commit();
}

}  // namespace flam
