#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <vector>

#include "framework/model/step_model.h"

namespace flam {

/// A model whose logits depend only on the last two ids of a row (with the formula of dump_hf.py). It counts
/// its calls.
class ScriptedModel final : public StepModel {
 public:
  ScriptedModel(std::vector<std::vector<int64_t>> prompts, int64_t beams, int64_t vocabulary, uint32_t seed,
                double bonus, int64_t end = 5)
      : prompts_(std::move(prompts)), vocabulary_(vocabulary), seed_(seed), bonus_(bonus), end_(end) {
    for (const auto& p : prompts_) rows_.insert(rows_.end(), beams, p);
  }

  int64_t batch() const override { return static_cast<int64_t>(prompts_.size()); }
  at::Tensor prefill() override { return logits(prompts_); }
  at::Tensor step(const at::Tensor& ids) override {
    ++steps;
    for (size_t r = 0; r < rows_.size(); ++r) rows_[r].push_back(ids.const_data_ptr<int64_t>()[r]);
    return logits(rows_);
  }
  void reorder(const at::Tensor& source) override {
    const auto before = rows_;
    for (size_t r = 0; r < rows_.size(); ++r) rows_[r] = before[source.const_data_ptr<int64_t>()[r]];
  }

  int64_t steps = 0;

 private:
  at::Tensor logits(const std::vector<std::vector<int64_t>>& rows) const {
    at::Tensor out = at::empty({static_cast<int64_t>(rows.size()), vocabulary_}, at::kFloat);
    float* to = out.mutable_data_ptr<float>();
    for (const auto& row : rows) {
      for (int64_t v = 0; v < vocabulary_; ++v) *to++ = logit(row[row.size() - 2], row.back(), v);
    }
    return out;
  }

  float logit(int64_t a, int64_t b, int64_t v) const {
    uint32_t x = static_cast<uint32_t>(a * 1000003 + b * 10007 + v * 7919 + seed_ * int64_t{104729} + 12345);
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    x *= 3266489917u;
    x ^= x >> 16;
    return static_cast<float>((x % 20001) / 2500.0 - 4.0 + (v == end_ ? bonus_ : 0.0));
  }

  std::vector<std::vector<int64_t>> prompts_, rows_;
  int64_t vocabulary_;
  uint32_t seed_;
  double bonus_;
  int64_t end_;
};

}  // namespace flam
