// Pictures and texts that belong together are alike, and others are not ("contrastive"): the symmetric
// InfoNCE loss of CLIP (Radford et al. 2021, figure 3) between the media tokens of each picture and the text
// of its first record, as CoCa adds to a captioning loss (Yu et al. 2022, section 3.2). The text is read by
// the decoder alone.
//
//   picture   a = normalised projection of the mean of the media tokens
//   text      b = normalised projection of the hidden state of the text's last token, or of the mean of the
//                 tokens of the answer
//   logits    s·a·bᵀ over the N pictures of a batch or micro-batch, with a learnt scale s
//   loss      mean of the cross-entropies of the rows and of the columns, whose targets are the diagonal
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "framework/sdk.h"

namespace flam {
namespace {

enum class Pool { last, mean };

struct ContrastiveParams {
  std::string task;
  int64_t width = 256;
  double temperature = 0.07;
  Pool pool = Pool::last;

  void visit(ParamVisitor& v) {
    v("task", task,
      "answer field of the task whose texts are compared (pred_caption); empty: the first task");
    v("width", width, "numbers of each projection", between(1, kMostOfASize));
    v("temperature", temperature,
      "1/s at the start, after which the scale s is learnt; s is at most 100, as in CLIP",
      between(0.01, 100));
    v("pool", pool, "what stands for a text: its last token, or the mean over the tokens of its answer",
      choices("last", "mean"));
  }
};

/// [N,D] → rows of length 1.
at::Tensor normalized(const at::Tensor& rows) {
  return rows / at::linalg_vector_norm(rows, 2, at::IntArrayRef{1}, /*keepdim=*/true).clamp_min(1e-12);
}

class Contrastive final : public Objective {
 public:
  Contrastive(const ContrastiveParams& params, const Input& in, const WeightScope& weights)
      : pool_(params.pool),
        picture_(weights.tensor("picture", {params.width, in.media.width}, Init::xavier_normal())),
        text_(weights.tensor("text", {params.width, in.hidden_size}, Init::xavier_normal())),
        log_scale_(weights.tensor("log_scale", {1}, Init::constant(-std::log(params.temperature)))) {
    if (in.pictures < 2) {
      throw Error(
          "the objective `contrastive` compares the pictures of a batch with one another, but a batch has "
          "one; set train.batch_size, and train.micro_batch_size if it is not 0, to at least 2");
    }
    if (params.task.empty()) return;
    const auto found = std::find(in.tasks.begin(), in.tasks.end(), params.task);
    if (found == in.tasks.end()) {
      throw Error(cat("the objective `contrastive` is given the task ", quoted(params.task),
                      ", but the task heads answer ", join(in.tasks, ", "), "; name one of these"));
    }
    task_ = static_cast<size_t>(found - in.tasks.begin());
  }

  std::vector<std::string> names() const override { return {"contrastive"}; }
  std::vector<at::Tensor> losses(const TrainingBatch& batch) const override {
    const int64_t pictures = batch.pictures();
    const at::Tensor media = batch.media().narrow(0, 0, pictures).flatten(1, 2).to(at::kFloat).mean(1);
    const at::Tensor a = normalized(media.matmul(picture_.tensor().t()));
    const at::Tensor b = normalized(texts(batch).matmul(text_.tensor().t()));
    const at::Tensor logits = a.matmul(b.t()) * log_scale_.tensor().clamp_max(std::log(100.0)).exp();
    const at::Tensor target = at::arange(pictures, logits.options().dtype(at::kLong));
    return {(at::cross_entropy_loss(logits.to(at::kFloat), target) +
             at::cross_entropy_loss(logits.t().to(at::kFloat), target)) /
            2};
  }

 private:
  /// What stands for the text of each picture's first record: [N,D].
  at::Tensor texts(const TrainingBatch& batch) const {
    const TextRows& text = batch.text(task_);
    const int64_t step = text.ids.size(0) / batch.pictures();
    const auto first_of_each = [&](const at::Tensor& rows) { return rows.slice(0, 0, {}, step); };
    const at::Tensor hidden = first_of_each(batch.hidden(task_, TextSees::nothing)).to(at::kFloat);
    // A position predicts the next id, so the tokens of the answer are one place further.
    const at::Tensor mask = first_of_each(text.mask);
    at::Tensor weights = at::zeros(mask.sizes(), at::kFloat);
    if (pool_ == Pool::last) {
      weights.scatter_(1, mask.sum(1, /*keepdim=*/true) - 1, 1.0);
    } else {
      weights.narrow(1, 1, mask.size(1) - 1)
          .copy_(first_of_each(text.in_answer).narrow(1, 0, mask.size(1) - 1));
      weights /= weights.sum(1, /*keepdim=*/true).clamp_min(1);
    }
    return (hidden * weights.to(hidden.device()).unsqueeze(2)).sum(1);
  }

  Pool pool_;
  size_t task_ = 0;
  Weight picture_, text_, log_scale_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<Contrastive, ContrastiveParams>(
      "contrastive", "pictures and their texts are told from the others of a batch (InfoNCE)");
}

}  // namespace flam
