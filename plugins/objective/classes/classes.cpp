// The class of each picture, predicted by the resampler's own classifier ("classes"): the mean negative log
// likelihood of the class in the resampler's token of the whole picture.
#include <ATen/ops/nll_loss.h>

#include <limits>

#include "framework/sdk.h"

namespace flam {
namespace {

struct ClassesParams {
  void visit(ParamVisitor&) {}
};

class Classes final : public Objective {
 public:
  Classes(const ClassesParams&, const Input& in) {
    if (in.media_label_classes.size() != 1) {
      throw Error(
          "the objective `classes` needs a dataset that gives the class of each picture (the dataset "
          "'image_folder' does, for a folder with one subfolder for each class)");
    }
    classes_ = in.media_label_classes.front();
  }

  bool needs_text() const override { return false; }
  std::vector<std::string> names() const override { return {"classes"}; }
  std::vector<at::Tensor> losses(const TrainingBatch& batch) const override {
    const at::Tensor stage = batch.media_stage("class_probabilities");  // [N,T,F,L,classes]
    if (!stage.defined()) {
      throw Error(
          cat("the objective `classes` trains the classifier of the resampler, but this resampler has none; "
              "set model.resampler to {type: classifier_tokens, num_classes: ",
              classes_, "}"));
    }
    const at::Tensor probabilities = stage.select(2, 0).select(1, 0);
    if (probabilities.size(2) != classes_) {
      throw Error(cat("the dataset has ", classes_, " classes, but the resampler's classifier has ",
                      probabilities.size(2), "; set model.resampler.num_classes to ", classes_));
    }
    const Features& features = batch.features();
    if (probabilities.size(1) == features.grid_h * features.grid_w) {
      throw Error(
          "the objective `classes` needs the resampler's token of the whole picture; set "
          "model.resampler.pooled to true");
    }
    const at::Tensor labels = batch.labels(&Record::media_labels);
    if (labels.size(1) != 1) {
      throw Error(cat("the objective `classes` needs one label per picture, but the dataset labels ",
                      labels.size(1), " media tokens"));
    }
    const at::Tensor whole = probabilities.select(1, 0).narrow(0, 0, batch.pictures()).to(at::kFloat);
    return {at::nll_loss(whole.clamp_min(std::numeric_limits<float>::min()).log(), labels.flatten())};
  }

 private:
  int64_t classes_ = 0;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<Classes, ClassesParams>("classes",
                                        "the class of each picture, by the resampler's classifier");
}

}  // namespace flam
