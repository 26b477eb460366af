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

at::Tensor to_device(const int64_t* ids, at::IntArrayRef sizes, at::IntArrayRef strides, at::Device device) {
  // clone(): the copy to the device must not outlive what it reads from.
  return at::from_blob(const_cast<int64_t*>(ids), sizes, strides, at::kLong)
      .clone()
      .to(device, at::kLong, true);
}

at::Tensor penalise_repetition(const at::Tensor& scores, const History& history, double penalty) {
  const int64_t stride = history.rows() > 1 ? history.row(1) - history.row(0) : history.length();
  const at::Tensor seen =
      to_device(history.row(0), {history.rows(), history.length()}, {stride, 1}, scores.device());
  const at::Tensor found = scores.gather(1, seen);
  return scores.scatter(1, seen, at::where(found < 0, found * penalty, found / penalty));
}

/// Flat places r·V + id of the ids that would complete an n-gram which row r already holds.
std::vector<int64_t> repeating(const History& history, int64_t n, int64_t vocabulary) {
  std::vector<int64_t> places;
  for (int64_t r = 0; r < history.rows(); ++r) {
    const int64_t* ids = history.row(r);
    const int64_t* last = ids + history.length() - (n - 1);
    for (int64_t i = 0; i + n <= history.length(); ++i) {
      if (std::equal(last, last + (n - 1), ids + i)) places.push_back(r * vocabulary + ids[i + n - 1]);
    }
  }
  return places;
}

}  // namespace

at::Tensor Warper::process(const at::Tensor& scores, const History& history) const {
  at::Tensor out = scores;
  if (params_.repetition_penalty != 1.0) out = penalise_repetition(out, history, params_.repetition_penalty);
  if (params_.no_repeat_ngram_size > 0) {
    const auto places = repeating(history, params_.no_repeat_ngram_size, scores.size(1));
    if (!places.empty()) {
      const int64_t count = static_cast<int64_t>(places.size());
      out = out.reshape({-1})
                .index_fill(0, to_device(places.data(), {count}, {1}, scores.device()), kNever)
                .view_as(scores);
    }
  }
  if (history.new_tokens() < params_.min_new_tokens && !stop_ids_.empty()) {
    const int64_t count = static_cast<int64_t>(stop_ids_.size());
    out = out.index_fill(1, to_device(stop_ids_.data(), {count}, {1}, scores.device()), kNever);
  }
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
