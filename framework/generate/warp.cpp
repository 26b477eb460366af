#include "framework/generate/warp.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <limits>
#include <tuple>

namespace flam {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

at::Tensor to_device(const std::vector<int64_t>& numbers, at::Device device) {
  // Without clone(), the result on the CPU would share the memory of `numbers`, which may be freed first.
  return at::from_blob(const_cast<int64_t*>(numbers.data()), {std::ssize(numbers)}, at::kLong)
      .clone()
      .to(device, at::kLong, true);
}

/// Flat places r·V + id of the ids that row r holds.
std::vector<int64_t> occurring(const History& history, int64_t vocabulary) {
  std::vector<int64_t> places;
  for (int64_t r = 0; r < history.rows(); ++r) {
    for (const int64_t id : history.row(r)) places.push_back(r * vocabulary + id);
  }
  return places;
}

at::Tensor penalise_repetition(const at::Tensor& scores, const at::Tensor& places, double penalty) {
  const at::Tensor flat = scores.reshape({-1}), found = flat.gather(0, places);
  return flat.scatter(0, places, at::where(found < 0, found * penalty, found / penalty)).view_as(scores);
}

/// Flat places r·V + id of the ids that would complete an n-gram which row r already holds.
std::vector<int64_t> repeating(const History& history, int64_t n, int64_t vocabulary) {
  std::vector<int64_t> places;
  for (int64_t r = 0; r < history.rows(); ++r) {
    const std::span ids = history.row(r);
    for (int64_t i = 0; i + n <= std::ssize(ids); ++i) {
      if (std::ranges::equal(ids.last(n - 1), ids.subspan(i, n - 1)))
        places.push_back(r * vocabulary + ids[i + n - 1]);
    }
  }
  return places;
}

}  // namespace

at::Tensor Warper::process(const at::Tensor& scores, const History& history) const {
  at::Tensor out = scores;
  const int64_t vocabulary = scores.size(1);
  if (params_.repetition_penalty != 1.0) {
    const at::Tensor places = to_device(occurring(history, vocabulary), scores.device());
    out = penalise_repetition(out, places, params_.repetition_penalty);
  }
  if (params_.no_repeat_ngram_size > 0) {
    const at::Tensor places =
        to_device(repeating(history, params_.no_repeat_ngram_size, vocabulary), scores.device());
    out = out.reshape({-1}).index_fill(0, places, kNever).view_as(scores);
  }
  if (history.new_tokens() < params_.min_new_tokens && !stop_ids_.empty())
    out = out.index_fill(1, to_device(stop_ids_, scores.device()), kNever);
  return out;
}

at::Tensor Warper::warp(const at::Tensor& scores) const {
  at::Tensor out = params_.temperature == 1.0 ? scores : scores / params_.temperature;
  if (params_.top_k > 0 && params_.top_k < scores.size(1)) {
    const at::Tensor kept = std::get<0>(out.topk(params_.top_k, 1));
    out = out.masked_fill(out < kept.narrow(1, params_.top_k - 1, 1), kNever);
  }
  if (params_.top_p < 1.0) {
    const auto [ascending, order] = out.sort(1, false);
    at::Tensor dropped = ascending.softmax(1).cumsum(1) <= 1.0 - params_.top_p;
    dropped.narrow(1, dropped.size(1) - 1, 1).fill_(false);
    out = out.masked_fill(dropped.scatter(1, order, dropped), kNever);
  }
  return out;
}

}  // namespace flam
