// Beam search as Hugging Face 4.31 does it (GenerationMixin.beam_search, BeamSearchScorer).

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cmath>

#include "framework/generate/beam_pool.h"
#include "framework/generate/history.h"
#include "framework/generate/search.h"
#include "framework/generate/stop.h"
#include "framework/generate/warp.h"

namespace flam {
namespace {

constexpr float kDead = -std::numeric_limits<float>::infinity();

class BeamSearch {
 public:
  BeamSearch(StepModel& model, const GenerateInput& input, const GenerationParams& params)
      : model_(model),
        input_(input),
        params_(params),
        prompts_(static_cast<int64_t>(input.prompts.size())),
        beams_(params.num_beams),
        stop_(input, params),
        warper_(params, input),
        history_(input.prompts, params.num_beams, params.max_new_tokens),
        done_(prompts_, false),
        sums_(history_.rows(), -1e9f),
        source_(history_.rows()),
        ids_(history_.rows()),
        logprobs_(history_.rows()),
        source_tensor_(at::from_blob(source_.data(), {history_.rows()}, at::kLong)),
        ids_tensor_(at::from_blob(ids_.data(), {history_.rows()}, at::kLong)),
        sums_tensor_(at::from_blob(sums_.data(), {history_.rows(), 1}, at::kFloat)) {
    const bool padded = params.beam_length == GenerationParams::BeamLength::with_padded_prompt;
    const int64_t longest = longest_prompt(input.prompts);
    for (int64_t p = 0; p < prompts_; ++p) {
      pools_.emplace_back(params, padded ? longest : std::ssize(input.prompts[p]));
      // All beams are equal at first, so only the first one proposes tokens.
      sums_[p * beams_] = 0;
    }
  }

  std::vector<Result> run() {
    if (stop_.cancelled()) return finish(FinishReason::cancelled);
    at::Tensor logits = model_.prefill();
    require_ids(input_, params_, logits.size(1));
    logits = logits.repeat_interleave(beams_, 0);
    while (true) {
      advance(logits);
      if (history_.new_tokens() == params_.max_new_tokens) return finish(FinishReason::length);
      if (std::find(done_.begin(), done_.end(), false) == done_.end()) return finish(FinishReason::length);
      if (stop_.cancelled()) return finish(FinishReason::cancelled);
      // All rows of a prompt are equal after the prefill, so there is nothing to reorder yet.
      if (history_.new_tokens() > 1 && moves()) model_.reorder(source_tensor_);
      logits = model_.step(ids_tensor_);
    }
  }

 private:
  /// The best candidates of each prompt, best first: [3, prompts, count] float64 on the CPU with their sums,
  /// places beam·V + id (V: the choosable ids) and own log-probabilities. This is the only transfer from the
  /// device in a step.
  at::Tensor candidates(const at::Tensor& logits) const {
    const at::Tensor own = warper_.choosable(logits.log_softmax(1));
    // sums_ does not change before the transfer below, so this copy needs no synchronisation.
    const at::Tensor scores =
        warper_.process(own, history_) + sums_tensor_.to(logits.device(), at::kFloat, /*non_blocking=*/true);
    const int64_t places = beams_ * own.size(1);
    const int64_t ends = static_cast<int64_t>(input_.stop_ids.size());
    const int64_t count = std::min(places, std::max<int64_t>(2, 1 + ends) * beams_);
    const auto [sums, place] = scores.reshape({prompts_, places}).topk(count, 1);
    const at::Tensor own_of_place = own.reshape({prompts_, places}).gather(1, place);
    return at::stack({sums.to(at::kDouble), place.to(at::kDouble), own_of_place.to(at::kDouble)}).cpu();
  }

  /// Performs one step: each candidate becomes a finished sequence or a row of the next step.
  void advance(const at::Tensor& logits) {
    const at::Tensor found = candidates(logits);
    const int64_t count = found.size(2), vocabulary = warper_.choosable(logits).size(1);
    const double* values = found.const_data_ptr<double>();
    for (int64_t p = 0; p < prompts_; ++p) {
      const double* sums = values + p * count;
      const double* places = sums + prompts_ * count;
      const double* own = places + prompts_ * count;
      int64_t filled = 0;
      for (int64_t c = 0; c < count && filled < beams_ && !done_[p]; ++c) {
        require_number(sums[c]);
        const int64_t place = static_cast<int64_t>(places[c]);
        const int64_t row = p * beams_ + place / vocabulary, id = place % vocabulary;
        if (const auto reason = stop_.ends(history_, row, id)) {
          if (c < beams_) keep(p, row, id, own[c], sums[c], *reason);
        } else {
          place_beam(p * beams_ + filled++, row, id, own[c], static_cast<float>(sums[c]));
        }
      }
      if (!done_[p]) done_[p] = pools_[p].complete(sums[0], history_.new_tokens() + 1);
      // Rows of a prompt that is done, or that have no candidates because of stop strings, go on with
      // padding, which is ignored.
      for (; filled < beams_; ++filled)
        place_beam(p * beams_ + filled, p * beams_ + filled, params_.pad_token_id, 0, kDead);
    }
    history_.reorder(source_);
    history_.append(ids_, logprobs_);
  }

  void place_beam(int64_t row, int64_t source, int64_t id, double own, float sum) {
    source_[row] = source;
    ids_[row] = id;
    logprobs_[row] = own;
    sums_[row] = sum;
  }

  void keep(int64_t prompt, int64_t row, int64_t id, double own, double sum, FinishReason reason) {
    if (std::isinf(sum)) return;
    Hypothesis h = history_.hypothesis(row, reason);
    h.ids.push_back(id);
    h.token_logprobs.push_back(own);
    h.logprob += own;
    pools_[prompt].add(std::move(h), sum, true);
  }

  bool moves() const {
    for (size_t r = 0; r < source_.size(); ++r) {
      if (source_[r] != static_cast<int64_t>(r)) return true;
    }
    return false;
  }

  /// The results; a prompt that is not done also contributes its unfinished beams.
  std::vector<Result> finish(FinishReason reason) {
    std::vector<Result> results(prompts_);
    for (int64_t p = 0; p < prompts_; ++p) {
      for (int64_t row = p * beams_; row < (p + 1) * beams_ && !done_[p]; ++row) {
        if (!std::isinf(sums_[row])) pools_[p].add(history_.hypothesis(row, reason), sums_[row], false);
      }
      results[p].hypotheses = pools_[p].take(params_.n_best);
    }
    return results;
  }

  StepModel& model_;
  const GenerateInput& input_;
  const GenerationParams& params_;
  const int64_t prompts_, beams_;
  const StopRules stop_;
  const Warper warper_;
  History history_;
  std::vector<BeamPool> pools_;
  std::vector<bool> done_;
  std::vector<float> sums_;  // [rows] log-probability of each beam, float32 as in the reference
  std::vector<int64_t> source_, ids_;
  std::vector<double> logprobs_;
  const at::Tensor source_tensor_, ids_tensor_, sums_tensor_;  // views of the vectors
};

}  // namespace

std::vector<Result> beam_search(StepModel& model, const GenerateInput& input,
                                const GenerationParams& params) {
  return BeamSearch(model, input, params).run();
}

}  // namespace flam
