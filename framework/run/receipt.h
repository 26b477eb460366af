#pragma once
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "framework/run/session.h"

namespace flam {

/// Everything needed to repeat a run: resolved config, versions, hashes of the weight files, seed, device,
/// dtype, prompts, answers, milliseconds by stage.
FLAM_API nlohmann::ordered_json make_receipt(const Session& session, const GenerationParams& generation,
                                             std::span<const Request> requests,
                                             std::span<const Outcome> outcomes, const StageTimes& times);

/// One outcome as `flam infer --json` prints it: {"image": …, FIELD: …} or {"image": …, "error": …}. Where
/// candidates were scored: "pred_label" (index of the best), "pred_score" (its probability) and all
/// "candidates".
FLAM_API nlohmann::ordered_json outcome_json(const Request& request, const Outcome& outcome, int64_t n_best);

/// On one line, fit for a terminal: control characters of one byte or two (U+007F to U+009F) are escaped,
/// too.
FLAM_API std::string json_line(const nlohmann::ordered_json& json);

/// Parses a request from JSON ({"parts": […], "candidates": […]}); relative picture paths are taken below
/// `folder`. Error: where it departs.
FLAM_API Request parse_request(const std::string& json_line, const std::filesystem::path& folder,
                               const Location& where);

/// A value tree as JSON.
FLAM_API nlohmann::ordered_json to_json(const Value& value);

}  // namespace flam
