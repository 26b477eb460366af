#pragma once
// What the model computes of a drawn batch, for objectives.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/component/objective.h"
#include "framework/train/drawn_batch.h"

namespace flam {

/// Computes everything when it is asked for, and once. RunError: an objective asks for pictures or text that
/// it did not announce.
class ComputedBatch final : public TrainingBatch {
 public:
  /// The first `pictures` of the drawn pictures are those of the records.
  ComputedBatch(const TrainingParts& parts, const BatchSource& source, DrawnBatch drawn, int64_t pictures,
                bool with_text);

  at::Device device() const override;
  int64_t pictures() const override { return pictures_; }
  size_t tasks() const override { return drawn_.records.size(); }
  const std::vector<Record>& records(size_t task) const override { return drawn_.records.at(task); }
  const Features& features() const override;
  const at::Tensor& media() const override;
  at::Tensor media_stage(const std::string& name) const override;
  const TextRows& text(size_t task) const override;
  const at::Tensor& hidden(size_t task, TextSees sees) const override;
  at::Tensor logits(const at::Tensor& hidden) const override;

  /// What each row sees, [R,T,L,D], or each picture [N,1,L,D]. `shown`: [R,T] indices of pictures, or
  /// undefined if every row sees the picture in its place.
  at::Tensor media_shown(const at::Tensor& shown) const;
  const DrawnBatch& drawn() const { return drawn_; }

 private:
  struct ComputedText {
    std::optional<TextRows> rows;
    at::Tensor seeing, alone;  // hidden states
  };
  at::Tensor hidden_alone(const TextRows& text) const;

  const TrainingParts& parts_;
  const BatchSource& source_;
  DrawnBatch drawn_;
  int64_t pictures_;
  bool with_text_;
  mutable std::optional<Features> features_;
  mutable at::Tensor media_;
  mutable std::map<std::string, at::Tensor> stages_;  // of the resampler, once media_ are computed
  mutable std::vector<ComputedText> texts_;           // of each task
};

}  // namespace flam
