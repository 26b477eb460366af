// SessionParts::score: encodes candidates, and turns the log-probabilities of their tokens into scores.
#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "framework/base/text.h"
#include "framework/device/device_memory.h"
#include "framework/device/one_thread.h"
#include "framework/generate/search.h"
#include "framework/session/session_parts.h"

namespace flam {

namespace {

using Ids = std::vector<int64_t>;

/// Encodes a candidate on its own: its text is tokenized separately from the prompt's.
Ids encode_candidate(const std::string& text, const std::string& end, int64_t prompt_tokens,
                     const Model& model) {
  if (model.tokenizer().encode(literal_text(text), false).empty())
    throw Error(cat("candidate ", quoted(text), " gives no tokens"));
  Ids ids = model.tokenizer().encode(literal_text(text) + template_text(end), false);
  const auto length = static_cast<int64_t>(ids.size()), context = model.language_decoder().max_positions();
  if (prompt_tokens > context) {
    throw Error(cat("the prompt of ", prompt_tokens, " tokens doesn't fit the context of ", context,
                    " tokens; use fewer shots or a shorter text"));
  }
  if (prompt_tokens + length > context) {
    throw Error(cat("candidate ", quoted(printable(text, 60)), " of ", length,
                    " tokens doesn't fit the context of ", context, " tokens after a prompt of ",
                    prompt_tokens, " tokens; use fewer shots, or shorter texts"));
  }
  return ids;
}

/// Log-probabilities of the candidates of each task after the prompts of `prepared`.
std::vector<std::vector<double>> logprobs_after(const Prepared& prepared, std::span<const Score> tasks,
                                                const Model& model, const std::function<bool()>& cancelled) {
  std::vector<std::vector<Ids>> ids(tasks.size());
  size_t most = 0, longest = 0;
  for (size_t row = 0; row < tasks.size(); ++row) {
    if (tasks[row].candidates.empty()) throw Error("the task head gives no candidates to choose from");
    const int64_t prompt_tokens = std::ssize(prepared.rows[row]);
    for (const std::string& text : tasks[row].candidates) {
      ids[row].push_back(encode_candidate(text, tasks[row].end, prompt_tokens, model));
      longest = std::max(longest, ids[row].back().size());
    }
    most = std::max(most, ids[row].size());
  }
  at::Tensor continuations = at::zeros(
      {static_cast<int64_t>(tasks.size()), static_cast<int64_t>(most), static_cast<int64_t>(longest)},
      at::kLong);
  auto* padded = continuations.mutable_data_ptr<int64_t>();
  for (size_t row = 0; row < ids.size(); ++row) {
    for (size_t k = 0; k < ids[row].size(); ++k)
      std::copy(ids[row][k].begin(), ids[row][k].end(), padded + (row * most + k) * longest);
  }
  const at::Tensor logprobs = model.score(prepared.batch, continuations, cancelled).contiguous();
  const auto* of_token = logprobs.const_data_ptr<float>();
  std::vector<std::vector<double>> out(tasks.size());
  for (size_t row = 0; row < ids.size(); ++row) {
    for (size_t k = 0; k < ids[row].size(); ++k) {
      const float* first = of_token + (row * most + k) * longest;
      const size_t length = ids[row][k].size();
      const double sum = std::accumulate(first, first + length, 0.0);
      const bool mean = tasks[row].length_normalization == Score::LengthNormalization::mean;
      out[row].push_back(mean ? sum / static_cast<double>(length) : sum);
      require_number(sum);
    }
  }
  return out;
}

void set_probabilities(Result& result) {
  const double highest = result.candidates[best_candidate(result)].score;
  double sum = 0;
  for (Candidate& candidate : result.candidates)
    sum += candidate.probability = std::exp(candidate.score - highest);
  for (Candidate& candidate : result.candidates) candidate.probability /= sum;
}

}  // namespace

std::vector<Result> SessionParts::score(const Prepared& prepared, std::span<const Score> tasks,
                                        const CallOptions& call) const {
  const ThreadCount computing(options.threads);
  const auto logprobs = [&](const Prepared& rows, std::span<const Score> of) {
    const StageTimes::Scope timer(call.times, "score");
    return with_device_memory([&] { return logprobs_after(rows, of, *model, call.cancelled); });
  };
  std::vector<Result> results(tasks.size());
  const auto after_prompts = logprobs(prepared, tasks);
  std::vector<Prompt> calibrations;
  std::vector<Score> calibrated;
  std::vector<size_t> rows;
  for (size_t row = 0; row < tasks.size(); ++row) {
    for (size_t k = 0; k < tasks[row].candidates.size(); ++k) {
      const double logprob = after_prompts[row][k];
      results[row].candidates.push_back({tasks[row].candidates[k], logprob, logprob});
    }
    if (!tasks[row].calibration) continue;
    calibrations.push_back(*tasks[row].calibration);
    calibrated.push_back(tasks[row]);
    rows.push_back(row);
  }
  if (!rows.empty()) {
    Prepared without = prepare(calibrations, call.times);
    encode_media(without, call.times);
    const auto after_calibrations = logprobs(without, calibrated);
    for (size_t i = 0; i < rows.size(); ++i) {
      for (size_t k = 0; k < after_calibrations[i].size(); ++k)
        results[rows[i]].candidates[k].score -= after_calibrations[i][k];
    }
  }
  for (Result& result : results) set_probabilities(result);
  return results;
}

}  // namespace flam
