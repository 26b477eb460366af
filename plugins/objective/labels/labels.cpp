// The dataset's classes of patches and media tokens: linear classifiers on the backbone's tokens predict
// those of each patch ("patches"), and others on the first media tokens predict those of each cell of the
// picture
// ("media"). A loss is the sum over the columns of the labels, each the mean cross-entropy of its classifier.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cross_entropy_loss.h>

#include <algorithm>

#include "framework/sdk.h"

namespace flam {
namespace {

struct LabelsParams {
  void visit(ParamVisitor&) {}
};

std::vector<Weight> declare_heads(const WeightScope& scope, const std::vector<int64_t>& classes,
                                  int64_t width) {
  std::vector<Weight> heads;
  for (const int64_t count : classes)
    heads.push_back(scope.tensor(std::to_string(heads.size()), {count, width}, Init::normal(0.02)));
  return heads;
}

/// tokens [N,G,D], labels [N,G,K].
at::Tensor label_loss(const at::Tensor& tokens, const at::Tensor& labels, const std::vector<Weight>& heads) {
  at::Tensor total;
  const at::Tensor rows = tokens.flatten(0, 1).to(at::kFloat);
  for (size_t k = 0; k < heads.size(); ++k) {
    const at::Tensor logits = rows.matmul(heads[k].tensor().t());
    const at::Tensor loss =
        at::cross_entropy_loss(logits, labels.select(2, static_cast<int64_t>(k)).flatten());
    total = total.defined() ? total + loss : loss;
  }
  return total;
}

void check_count(const char* what, int64_t labelled, int64_t tokens, const char* parameter) {
  if (labelled == tokens) return;
  throw Error(cat("the dataset labels ", labelled, " ", what, " per picture, but the model has ", tokens,
                  "; change dataset.", parameter));
}

class Labels final : public Objective {
 public:
  Labels(const LabelsParams&, const Input& in, const WeightScope& weights)
      : patch_heads_(declare_heads(weights / "patch", in.patch_label_classes, in.features.width)),
        media_heads_(declare_heads(weights / "media", in.media_label_classes, in.media.width)) {
    if (in.from_features && !patch_heads_.empty()) {
      throw Error(
          "the labels of patches train the backbone, which doesn't run, because the dataset gives features; "
          "use a dataset of pictures, or leave these labels out");
    }
    if (patch_heads_.empty() && media_heads_.empty()) {
      throw Error(
          "the objective needs classes of patches or media tokens, but the dataset gives none (the dataset "
          "'scenes' gives them with label_patch_size or label_cells)");
    }
  }

  bool needs_text() const override { return false; }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    if (!patch_heads_.empty()) out.emplace_back("patches");
    if (!media_heads_.empty()) out.emplace_back("media");
    return out;
  }
  std::vector<at::Tensor> losses(const TrainingBatch& batch) const override {
    std::vector<at::Tensor> out;
    if (!patch_heads_.empty()) {
      const Features& features = batch.features();
      const at::Tensor patches =
          features.tokens.narrow(1, features.prefix_tokens, features.grid_h * features.grid_w);
      const at::Tensor labels = batch.labels(&Record::patch_labels);
      check_count("patches", labels.size(1), patches.size(1), "label_patch_size");
      out.push_back(label_loss(patches.narrow(0, 0, batch.pictures()), labels, patch_heads_));
    }
    if (!media_heads_.empty()) {
      const at::Tensor labels = batch.labels(&Record::media_labels);
      const int64_t labelled = labels.size(1);
      const at::Tensor tokens = batch.media().select(1, 0).narrow(0, 0, batch.pictures());
      check_count("media tokens", labelled, std::min(labelled, tokens.size(1)), "label_cells");
      out.push_back(label_loss(tokens.narrow(1, 0, labelled), labels, media_heads_));
    }
    return out;
  }

 private:
  std::vector<Weight> patch_heads_, media_heads_;  // [classes,D] for each column of the labels
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<Labels, LabelsParams>("labels", "the dataset's classes of patches and media tokens");
}

}  // namespace flam
