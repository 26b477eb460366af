#include "framework/generate/search.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/searchsorted.h>
#include <ATen/ops/stack.h>

#include <algorithm>

#include "framework/device/to_device.h"
#include "framework/generate/history.h"
#include "framework/generate/stop.h"
#include "framework/generate/warp.h"

namespace flam {
namespace {

constexpr uint64_t kGolden = 0x9e3779b97f4a7c15u;  // of splitmix64

/// A number in [0,1), in steps of 2^-32: a function of its arguments alone (splitmix64), so that the samples
/// of a row depend on neither its batch nor the platform.
double uniform(uint64_t seed, uint64_t row_seed, uint64_t step) {
  uint64_t x = seed;
  for (const uint64_t part : {row_seed, step}) {
    x += kGolden * (part + 1);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    x ^= x >> 31;
  }
  return static_cast<double>(x >> 32) * 0x1p-32;
}

class Chooser {
 public:
  Chooser(const GenerateInput& input, const GenerationParams& params, int64_t samples)
      : params_(params), warper_(params, input) {
    for (size_t prompt = 0; prompt < input.prompts.size(); ++prompt) {
      const uint64_t seed = input.row_seeds.empty() ? 0 : input.row_seeds.at(prompt);
      for (int64_t sample = 0; sample < samples; ++sample)
        row_seeds_.push_back(seed + kGolden * static_cast<uint64_t>(sample));
    }
  }

  /// logits [R,V] → [2,R] float64 on the CPU: the chosen ids and their log-probabilities. This is the only
  /// transfer from the device in a step.
  at::Tensor choose(const at::Tensor& logits, const History& history) const {
    const at::Tensor scores = warper_.process(warper_.choosable(logits), history);
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
    return at::searchsorted(reached, to_device(u, reached.device()) * total, false, true)
        .clamp_max(reached.size(1) - 1);
  }

  const GenerationParams& params_;
  std::vector<uint64_t> row_seeds_;  // [R]
  Warper warper_;
};

}  // namespace

std::vector<Result> greedy_or_sample(StepModel& model, const GenerateInput& input,
                                     const GenerationParams& params) {
  const int64_t prompts = std::ssize(input.prompts), samples = rows_per_prompt(params);
  const int64_t rows = prompts * samples;
  const StopRules stop(input, params);
  const Chooser chooser(input, params, samples);
  History history(input.prompts, samples, params.max_new_tokens);
  std::vector<std::optional<Hypothesis>> ended(rows);
  std::vector<int64_t> ids(rows);
  std::vector<double> logprobs(rows);
  at::Tensor next = at::empty({rows}, at::kLong);
  int64_t open = rows;
  const auto finish = [&](FinishReason reason) {
    std::vector<Result> results(prompts);
    for (int64_t r = 0; r < rows; ++r) {
      if (!ended[r]) ended[r] = history.hypothesis(r, reason);
      results[r / samples].hypotheses.push_back(std::move(*ended[r]));
    }
    return results;
  };

  if (stop.cancelled()) return finish(FinishReason::cancelled);
  at::Tensor logits = model.prefill();
  require_ids(input, params, logits.size(1));
  if (samples > 1) logits = logits.repeat_interleave(samples, 0);
  std::vector<std::optional<FinishReason>> reasons(rows);
  while (true) {
    const at::Tensor chosen = chooser.choose(logits, history);
    const double* values = chosen.const_data_ptr<double>();
    for (int64_t r = 0; r < rows; ++r) {
      ids[r] = ended[r] ? params.pad_token_id : static_cast<int64_t>(values[r]);
      logprobs[r] = values[rows + r];
      if (ended[r]) continue;
      require_number(logprobs[r]);
      reasons[r] = stop.ends(history, r, ids[r]);
    }
    history.append(ids, logprobs);
    for (int64_t r = 0; r < rows; ++r) {
      if (ended[r]) continue;
      if (input.on_token && r % samples == 0) input.on_token(r / samples, ids[r], logprobs[r]);
      if (!reasons[r]) continue;
      ended[r] = history.hypothesis(r, *reasons[r]);
      --open;
    }
    if (open == 0 || history.new_tokens() == params.max_new_tokens) return finish(FinishReason::length);
    if (stop.cancelled()) return finish(FinishReason::cancelled);
    std::copy(ids.begin(), ids.end(), next.mutable_data_ptr<int64_t>());
    logits = model.step(next);
  }
}

}  // namespace flam
