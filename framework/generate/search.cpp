#include "framework/generate/search.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/searchsorted.h>
#include <ATen/ops/stack.h>

#include <algorithm>

#include "framework/generate/history.h"
#include "framework/generate/stop.h"
#include "framework/generate/warp.h"

namespace flam {
namespace {

/// A number in [0,1), in steps of 2^-32: a function of its arguments alone (splitmix64), so that what a row
/// draws depends on neither its batch nor the platform.
double uniform(uint64_t seed, uint64_t row_seed, uint64_t step) {
  uint64_t x = seed;
  for (const uint64_t part : {row_seed, step}) {
    x += 0x9e3779b97f4a7c15u * (part + 1);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    x ^= x >> 31;
  }
  return static_cast<double>(x >> 32) * 0x1p-32;
}

class Chooser {
 public:
  Chooser(const GenerateInput& input, const GenerationParams& params)
      : params_(params), row_seeds_(input.row_seeds), warper_(params, input.stop_ids) {
    row_seeds_.resize(input.prompts.size(), 0);
  }

  /// logits [B,V] → [2,B] float64 on the CPU: the chosen ids and their log-probabilities. The one read of a
  /// step.
  at::Tensor choose(const at::Tensor& logits, const History& history) const {
    const at::Tensor scores = warper_.process(logits, history);
    const at::Tensor ids =
        params_.do_sample ? draw(warper_.warp(scores), history.new_tokens()) : scores.argmax(1, true);
    const at::Tensor logprobs = logits.log_softmax(1).gather(1, ids);
    return at::stack({ids.squeeze(1).to(at::kDouble), logprobs.squeeze(1).to(at::kDouble)}).cpu();
  }

 private:
  at::Tensor draw(const at::Tensor& scores, int64_t step) const {
    const at::Tensor reached = scores.softmax(1).to(at::kDouble).cumsum(1);
    at::Tensor u = at::empty({scores.size(0), 1}, at::kDouble);
    for (size_t r = 0; r < row_seeds_.size(); ++r)
      u.mutable_data_ptr<double>()[r] = uniform(params_.seed, row_seeds_[r], step);
    const at::Tensor total = reached.narrow(1, reached.size(1) - 1, 1);
    return at::searchsorted(reached, u.to(reached.device()) * total, false, true)
        .clamp_max(reached.size(1) - 1);
  }

  const GenerationParams& params_;
  std::vector<uint64_t> row_seeds_;
  Warper warper_;
};

}  // namespace

std::vector<Result> greedy_or_sample(StepModel& model, const GenerateInput& input,
                                     const GenerationParams& params) {
  const int64_t rows = static_cast<int64_t>(input.prompts.size());
  const StopRules stop(input, params);
  const Chooser chooser(input, params);
  History history(input.prompts, 1, params.max_new_tokens);
  std::vector<Result> results(rows);
  std::vector<int64_t> ids(rows);
  std::vector<double> logprobs(rows);
  at::Tensor next = at::empty({rows}, at::kLong);
  int64_t open = rows;
  const auto is_open = [&](int64_t r) { return results[r].hypotheses.empty(); };
  const auto finish = [&](int64_t r, FinishReason reason) {
    results[r].hypotheses.push_back(history.hypothesis(r, reason));
    --open;
  };
  const auto finish_all = [&](FinishReason reason) {
    for (int64_t r = 0; r < rows; ++r) {
      if (is_open(r)) finish(r, reason);
    }
    return results;
  };

  if (stop.cancelled()) return finish_all(FinishReason::cancelled);
  at::Tensor logits = model.prefill();
  require_ids(input, params, logits.size(1));
  std::vector<std::optional<FinishReason>> reasons(rows);
  while (true) {
    const at::Tensor chosen = chooser.choose(logits, history);
    const double* values = chosen.const_data_ptr<double>();
    for (int64_t r = 0; r < rows; ++r) {
      ids[r] = is_open(r) ? static_cast<int64_t>(values[r]) : params.pad_token_id;
      logprobs[r] = values[rows + r];
      if (!is_open(r)) continue;
      require_number(logprobs[r]);
      reasons[r] = stop.ends(history, r, ids[r]);
    }
    history.append(ids, logprobs);
    for (int64_t r = 0; r < rows; ++r) {
      if (!is_open(r)) continue;
      if (input.on_token) input.on_token(r, ids[r], logprobs[r]);
      if (reasons[r]) finish(r, *reasons[r]);
    }
    if (open == 0) return results;
    if (history.new_tokens() == params.max_new_tokens) return finish_all(FinishReason::length);
    if (stop.cancelled()) return finish_all(FinishReason::cancelled);
    std::copy(ids.begin(), ids.end(), next.mutable_data_ptr<int64_t>());
    logits = model.step(next);
  }
}

}  // namespace flam
