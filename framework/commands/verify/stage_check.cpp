#include "framework/commands/verify/stage_check.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <cmath>

#include "framework/base/text.h"

namespace flam {

namespace {

std::string shape_text(const at::Tensor& tensor) {
  return cat(tensor.sizes());
}

StageCheck other_shape(const std::string& stage, const at::Tensor& ours, const at::Tensor& reference) {
  StageCheck check{stage, shape_text(reference)};
  check.largest_error = HUGE_VAL;
  check.cosine = 0;
  check.note = cat("ours has shape ", shape_text(ours));
  return check;
}

std::string at_most(const std::string& text) {
  return printable(text, 120);
}

}  // namespace

StageCheck compare_close(const std::string& stage, const at::Tensor& ours, const at::Tensor& reference,
                         const at::Tensor& mask, double tolerance) {
  if (ours.sizes() != reference.sizes()) return other_shape(stage, ours, reference);
  at::Tensor a = ours.to(at::kCPU, at::kDouble);
  at::Tensor b = reference.to(at::kDouble);
  if (mask.defined()) {  // selects the masked positions of the leading [B,L]
    const at::Tensor rows = mask.to(at::kCPU, at::kBool).reshape({-1}).nonzero().squeeze(1);
    a = a.flatten(0, 1).index_select(0, rows);
    b = b.flatten(0, 1).index_select(0, rows);
  }
  StageCheck check{stage, shape_text(reference)};
  if (a.numel() == 0) {
    check.passed = true;
    check.compared = false;
    check.note = "no position to compare";
    return check;
  }
  check.largest_error = (a - b).abs().max().item().toDouble();
  check.tolerance = tolerance * std::max(1.0, b.abs().max().item().toDouble());
  const double norms = std::sqrt(a.square().sum().item().toDouble() * b.square().sum().item().toDouble());
  check.cosine = norms == 0 ? 1 : (a * b).sum().item().toDouble() / norms;
  check.passed = check.largest_error <= check.tolerance;  // false for NaN
  return check;
}

StageCheck compare_equal(const std::string& stage, const at::Tensor& ours, const at::Tensor& reference) {
  if (ours.sizes() != reference.sizes()) return other_shape(stage, ours, reference);
  StageCheck check{stage, shape_text(reference)};
  check.largest_error = (ours.to(at::kCPU, at::kLong) != reference.to(at::kLong)).sum().item().toDouble();
  check.passed = check.largest_error == 0;
  if (!check.passed) check.note = cat(check.largest_error, " elements differ");
  return check;
}

StageCheck compare_ids(const std::string& stage, const std::vector<Result>& ours, const at::Tensor& reference,
                       int64_t pad) {
  size_t width = 0;
  for (const Result& result : ours) width = std::max(width, result.hypotheses.front().ids.size());
  at::Tensor ids = at::full({static_cast<int64_t>(ours.size()), static_cast<int64_t>(width)}, pad, at::kLong);
  for (size_t row = 0; row < ours.size(); ++row) {
    const auto& chosen = ours[row].hypotheses.front().ids;
    std::copy(chosen.begin(), chosen.end(), ids.mutable_data_ptr<int64_t>() + row * width);
  }
  return compare_equal(stage, ids, reference);
}

StageCheck compare_text(const std::string& stage, const std::string& ours, const std::string& reference) {
  StageCheck check{stage, ""};
  check.passed = ours == reference;
  check.largest_error = check.passed ? 0 : 1;
  if (!check.passed) check.note = cat("ours '", at_most(ours), "', reference '", at_most(reference), "'");
  return check;
}

}  // namespace flam
