#pragma once
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "framework/session/session.h"

namespace flam {

/// Everything needed to repeat a run: resolved config, versions, hashes of the weight files, seed, device,
/// dtype, prompts, answers, milliseconds by stage.
FLAM_API nlohmann::ordered_json make_receipt(const Session& session, const GenerationParams& generation,
                                             std::span<const Request> requests,
                                             std::span<const Outcome> outcomes, const StageTimes& times);

/// One outcome as `flam infer --json` prints it: {"id": …, FIELD: …, "confidence": …, …,
/// "media": [{"tiles": [ROWS, COLUMNS], "crops": …, "tokens": …}]} or {"id": …,
/// "error": …}, where FIELD are the fields of the answer, and the confidence is Outcome::confidence(). If
/// candidates were scored, it has "pred_label" (index of the best), "pred_score" (its probability) and all
/// "candidates".
FLAM_API nlohmann::ordered_json outcome_json(const Request& request, const Outcome& outcome, int64_t n_best);

}  // namespace flam
