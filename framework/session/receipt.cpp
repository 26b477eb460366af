#include "framework/session/receipt.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "framework/base/text.h"
#include "framework/device/device.h"
#include "framework/device/dtype.h"
#include "framework/report/json.h"
#include "framework/report/path_text.h"
#include "framework/request/request_json.h"
#include "framework/session/session_parts.h"

namespace flam {

using Json = nlohmann::ordered_json;

namespace {

Json hypothesis_json(const Hypothesis& hypothesis) {
  return {{"text", hypothesis.text},
          {"ids", hypothesis.ids},
          {"token_logprobs", hypothesis.token_logprobs},
          {"logprob", hypothesis.logprob},
          {"score", hypothesis.score},
          {"finish_reason", finish_reason_name(hypothesis.finish)}};
}

/// Adds the chosen candidate under the names that mmpretrain uses, and the scores of all candidates.
void add_candidates(Json& out, const Result& result) {
  const size_t best = best_candidate(result);
  out["pred_label"] = best;
  out["pred_score"] = result.candidates[best].probability;
  for (const Candidate& candidate : result.candidates) {
    out["candidates"].push_back({{"text", candidate.text},
                                 {"logprob", candidate.logprob},
                                 {"score", candidate.score},
                                 {"probability", candidate.probability}});
  }
}

/// How the pictures and videos of a prompt were cut, and how many media tokens stand for them.
Json media_json(const Outcome& outcome) {
  Json out = Json::array();
  for (const PlacedMedia& media : outcome.media) {
    Json one;
    if (media.frames > 0) {
      one["frames"] = media.frames;
    } else {
      one["tiles"] = {media.rows, media.columns};
      one["crops"] = media.crops;
    }
    one["tokens"] = media.tokens;
    out.push_back(one);
  }
  return out;
}

Json weights_json(const Session& session) {
  Json out = Json::array();
  for (const auto& [file, hash] : session.parts().weight_hashes)
    out.push_back({{"file", path_text(file)}, {"sha256", hash}});
  return out;
}

}  // namespace

Json outcome_json(const Request& request, const Outcome& outcome, int64_t n_best) {
  Json out;
  out["id"] = request.id;
  if (outcome.error) {
    out["error"] = *outcome.error;
    return out;
  }
  for (const auto& [field, text] : outcome.answer) out[field] = text;
  if (const auto confidence = outcome.confidence()) out["confidence"] = *confidence;
  if (outcome.dropped_shots > 0) out["dropped_shots"] = outcome.dropped_shots;
  if (!outcome.result.candidates.empty()) {
    add_candidates(out, outcome.result);
    out["media"] = media_json(outcome);
    return out;
  }
  const auto& best = outcome.result.hypotheses.front();
  out["logprob"] = best.logprob;
  out["finish_reason"] = finish_reason_name(best.finish);
  out["media"] = media_json(outcome);
  if (n_best > 1) {
    for (const Hypothesis& hypothesis : outcome.result.hypotheses)
      out["n_best"].push_back(hypothesis_json(hypothesis));
  }
  return out;
}

Json make_receipt(const Session& session, const GenerationParams& generation,
                  std::span<const Request> requests, std::span<const Outcome> outcomes,
                  const StageTimes& times) {
  Json receipt;
  receipt["flamboyance"] = FLAM_VERSION;
  receipt["torch"] = FLAM_TORCH_VERSION;
  receipt["config_name"] = session.config().name;
  GenerationParams params = generation;
  Json config = to_json(session.config().resolved());
  config["generation"] = to_json(write_params(ParamsRef(params)));
  receipt["config"] = config;
  const at::Device device = session.model().device();
  receipt["device"] = device.str();
  if (const std::string name = device_name(device); !name.empty()) receipt["device_name"] = name;
  if (const auto peak = peak_memory(device)) receipt["peak_device_bytes"] = *peak;
  receipt["dtype"] = dtype_name(session.model().dtype());
  receipt["cuda_graph"] = cuda_graph_name(session.options().cuda_graph);
  receipt["threads"] = session.options().threads;
  receipt["weights_seed"] = session.options().weights_seed;
  receipt["weights_option"] = session.options().weights;
  receipt["weights"] = weights_json(session);
  receipt["runs"] = Json::array();
  for (size_t i = 0; i < outcomes.size(); ++i) {
    Json run = {{"request", request_json(requests[i])},
                {"prompt", outcomes[i].prompt},
                {"prompt_tokens", outcomes[i].prompt_tokens},
                {"media", media_json(outcomes[i])}};
    if (outcomes[i].dropped_shots > 0) run["dropped_shots"] = outcomes[i].dropped_shots;
    if (outcomes[i].error) run["error"] = *outcomes[i].error;
    for (const auto& [field, text] : outcomes[i].answer) run[field] = text;
    for (const auto& hypothesis : outcomes[i].result.hypotheses)
      run["hypotheses"].push_back(hypothesis_json(hypothesis));
    if (!outcomes[i].result.candidates.empty()) add_candidates(run, outcomes[i].result);
    receipt["runs"].push_back(run);
  }
  for (const auto& entry : times.entries()) receipt["milliseconds"][entry.stage] = entry.milliseconds;
  return receipt;
}

}  // namespace flam
