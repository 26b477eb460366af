#pragma once
// For tests of objectives: a batch of given tensors.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "framework/component/objective.h"

namespace flam {

/// A batch without a model. RunError: an objective asks for what is not given.
class FLAM_API GivenBatch final : public TrainingBatch {
 public:
  struct Task {
    std::vector<Record> records;
    TextRows text;             // of R rows
    at::Tensor seeing, alone;  // hidden states [R,L,D] with TextSees::pictures and TextSees::nothing
  };
  struct Given {
    int64_t pictures = 0;
    std::vector<Task> tasks;
    Features features;
    at::Tensor media;                          // [N,1,L,D]
    std::map<std::string, at::Tensor> stages;  // of the resampler
    at::Tensor output;                         // [V,D], what hidden states are multiplied by
  };

  explicit GivenBatch(Given given) : given_(std::move(given)) {}
  /// Random records, labels, rows and leaves of tensors as `in` describes, the same for the same seed: two
  /// records per picture and task, rows of up to 6 tokens of 11, and for a dataset with the class of each
  /// picture the stage "class_probabilities".
  static Given random(const Objective::Input& in, uint64_t seed);

  at::Device device() const override { return at::kCPU; }
  int64_t pictures() const override { return given_.pictures; }
  size_t tasks() const override { return given_.tasks.size(); }
  const std::vector<Record>& records(size_t task) const override { return given_.tasks.at(task).records; }
  const Features& features() const override;
  const at::Tensor& media() const override;
  at::Tensor media_stage(const std::string& name) const override;
  const TextRows& text(size_t task) const override;
  const at::Tensor& hidden(size_t task, TextSees sees) const override;
  at::Tensor logits(const at::Tensor& hidden) const override;

 private:
  Given given_;
};

}  // namespace flam
