#include "framework/run/receipt.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "framework/base/hash.h"
#include "framework/base/text.h"
#include "framework/config/escape.h"
#include "framework/nn/dtype.h"
#include "framework/run/device.h"

namespace flam {

using Json = nlohmann::ordered_json;

Json to_json(const Value& value) {
  if (value.is_bool()) return value.as_bool();
  if (value.is_int()) return value.as_int();
  if (value.is_double()) return value.as_double();
  if (value.is_string()) return value.as_string();
  if (value.is_list()) {
    Json out = Json::array();
    for (const Value& element : value.as_list()) out.push_back(to_json(element));
    return out;
  }
  if (value.is_map()) {
    Json out = Json::object();
    for (const auto& member : value.as_map()) out[member.key] = to_json(member.value);
    return out;
  }
  return nullptr;
}

namespace {

constexpr size_t kMostCandidates = 10'000;

Json request_json(const Request& request) {
  Json parts = Json::array();
  for (const Part& part : request.parts) {
    if (part.kind == Part::Kind::text) {
      parts.push_back({{"text", part.text}});
    } else if (part.kind == Part::Kind::image) {
      parts.push_back({{"image", part.pictures.front().name()}});
    } else {
      Json frames = Json::array();
      for (const auto& picture : part.pictures) frames.push_back(picture.name());
      parts.push_back({{"frames", frames}});
    }
  }
  Json out = {{"parts", parts}};
  if (!request.candidates.empty()) out["candidates"] = request.candidates;
  return out;
}

Json hypothesis_json(const Hypothesis& hypothesis) {
  return {{"text", hypothesis.text},
          {"ids", hypothesis.ids},
          {"token_logprobs", hypothesis.token_logprobs},
          {"logprob", hypothesis.logprob},
          {"score", hypothesis.score},
          {"finish_reason", finish_reason_name(hypothesis.finish)}};
}

/// Which candidate was chosen, in mmpretrain's words, and how all of them did.
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

Json weights_json(const Session& session) {
  std::set<std::string> files;
  for (const auto& slot : session.model().weights().slots()) {
    // "FILE: NAME"; a path may hold ": " itself.
    for (size_t end = 0; (end = slot->origin.find(": ", end)) != std::string::npos; ++end) {
      const std::string file = slot->origin.substr(0, end);
      std::error_code error;
      if (files.contains(file) || !std::filesystem::is_regular_file(file, error)) continue;
      files.insert(file);
      break;
    }
  }
  Json out = Json::array();
  for (const std::string& file : files) out.push_back({{"file", file}, {"sha256", sha256_file(file)}});
  return out;
}

}  // namespace

Json outcome_json(const Request& request, const Outcome& outcome, int64_t n_best) {
  Json out;
  out["image"] = request.id;
  if (outcome.error) {
    out["error"] = *outcome.error;
    return out;
  }
  for (const auto& [field, text] : outcome.answer) out[field] = text;
  if (!outcome.result.candidates.empty()) {
    add_candidates(out, outcome.result);
    return out;
  }
  const auto& best = outcome.result.hypotheses.front();
  out["logprob"] = best.logprob;
  out["finish_reason"] = finish_reason_name(best.finish);
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
  receipt["cuda_graph"] = session.options().cuda_graph;
  receipt["threads"] = at::get_num_threads();
  receipt["seed"] = session.options().seed;
  receipt["weights_option"] = session.options().weights;
  receipt["weights"] = weights_json(session);
  receipt["runs"] = Json::array();
  for (size_t i = 0; i < outcomes.size(); ++i) {
    Json run = {{"request", request_json(requests[i])},
                {"prompt", outcomes[i].prompt},
                {"prompt_tokens", outcomes[i].prompt_tokens}};
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

std::string json_line(const Json& json) {
  return escape_controls(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Request parse_request(const std::string& json_line, const std::filesystem::path& folder,
                      const Location& where) {
  const auto fail = [&](const std::string& what) -> Error {
    return Error(
        where, cat("not a request: ", what,
                   "; expected {\"parts\": [{\"text\": …}, {\"image\": FILE}, {\"frames\": [FILE, …]}]}, and "
                   "\"candidates\": [TEXT, …] if there are answers to choose from"));
  };
  nlohmann::json node;                      // not an ordered one, which looks through all keys for each
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto refuse_twice = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    if (depth > 8) throw fail("it is nested too deeply");
    if (event == nlohmann::json::parse_event_t::object_start) keys.emplace_back();
    if (event == nlohmann::json::parse_event_t::object_end) keys.pop_back();
    if (event == nlohmann::json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
      throw fail(cat("the key ", quoted(parsed.get<std::string>()), " occurs twice"));
    return true;
  };
  try {
    node = nlohmann::json::parse(json_line, refuse_twice);
  } catch (const nlohmann::json::parse_error& error) {
    const Location at{where.file, where.line, static_cast<int>(error.byte)};
    throw Error(at, cat("not JSON: ", printable(json_line.substr(0, error.byte), 60), " ← here"));
  } catch (const nlohmann::json::exception& error) {
    const std::string text = error.what();
    throw fail(printable(text.substr(text.find("] ") + 2)));
  }
  if (!node.is_object() || !node.contains("parts") || !node["parts"].is_array())
    throw fail("no list `parts`");
  for (const auto& [key, value] : node.items()) {
    if (key != "parts" && key != "candidates") throw fail(cat("unknown key ", quoted(key)));
  }
  const auto picture = [&](const nlohmann::json& path) {
    if (!path.is_string()) throw fail("a picture must be a path");
    const std::string name = path.get<std::string>();
    if (name.empty() || name.find('\0') != std::string::npos)
      throw fail(cat("a picture must be a path, found ", quoted(name)));
    return PictureSource{(folder / name).string(), nullptr, {}};
  };
  Request request;
  if (node.contains("candidates")) {
    const nlohmann::json& candidates = node["candidates"];
    const bool texts = candidates.is_array() && !candidates.empty() &&
                       std::all_of(candidates.begin(), candidates.end(),
                                   [](const nlohmann::json& candidate) { return candidate.is_string(); });
    if (!texts) throw fail("`candidates` must be a list of texts, at least two");
    if (candidates.size() > kMostCandidates)
      throw fail(cat("`candidates` has ", candidates.size(), " texts; at most ", kMostCandidates));
    request.candidates = candidates.get<std::vector<std::string>>();
  }
  for (const nlohmann::json& part : node["parts"]) {
    if (!part.is_object() || part.size() != 1)
      throw fail("each part has exactly one of `text`, `image`, `frames`");
    if (part.contains("text") && part["text"].is_string()) {
      request.parts.push_back({Part::Kind::text, part["text"].get<std::string>(), {}});
    } else if (part.contains("image")) {
      request.parts.push_back({Part::Kind::image, "", {picture(part["image"])}});
    } else if (part.contains("frames") && part["frames"].is_array() && !part["frames"].empty()) {
      Part video{Part::Kind::frames, "", {}};
      for (const nlohmann::json& frame : part["frames"]) video.pictures.push_back(picture(frame));
      request.parts.push_back(std::move(video));
    } else {
      throw fail(cat("unusable part ", quoted(part.dump())));
    }
  }
  for (const Part& part : request.parts) {  // named after its last picture: the query's
    if (part.kind != Part::Kind::text) request.id = part.pictures.front().path;
  }
  return request;
}

}  // namespace flam
