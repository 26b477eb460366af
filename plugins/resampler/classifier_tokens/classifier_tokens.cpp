// Media tokens that carry the meaning of a classifier's classes: each is the mean of the classes' embeddings,
// weighted by the probabilities that the classifier gives them at that patch, plus the projected patch unless
// that is turned off. If the embeddings are those of the classes' names in the decoder, the tokens are in the
// decoder's space from the start. The weighted mean is that of ConSE (Norouzi et al. 2014, section 3), here
// at every patch. A class may have several embeddings, for example one for each token of its name; every
// patch then gives as many media tokens.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/softmax.h>

#include "framework/sdk.h"

namespace flam {

struct ClassifierTokensParams {
  int64_t num_classes = 0;
  int64_t tokens_per_class = 1;
  double scale = 1.0;
  bool pooled = true;
  bool project = true;
  std::optional<int64_t> hidden_size;

  void visit(ParamVisitor& v) {
    v("num_classes", num_classes, "classes of the classifier, for example 1000 (ImageNet-1k)", required(),
      between(2, kMostOfASize));
    v("tokens_per_class", tokens_per_class,
      "embeddings of a class, and media tokens of each patch; more than one if the tokenizer cuts names into "
      "several tokens",
      between(1, 64));
    v("scale", scale, "factor on the classifier's logits before the softmax (an inverse temperature)",
      more_than(0));
    v("pooled", pooled, "whether a media token of the mean over all patches comes first");
    v("project", project,
      "whether the features themselves are projected and added to the tokens; they show what the classes "
      "don't (colours), but also how made-up features differ from those of photos");
    v("hidden_size", hidden_size,
      "width of the media tokens; null: the width that the adapter requires, or else the backbone's",
      between(1, kMostOfASize));
  }
};

/// features [B,T,F,P,D] → media tokens [B,T,L·K,D'], L = P without its prefix, and one more if pooled; K =
/// tokens_per_class; D' the requested width or hidden_size. The k-th token of a place is proj(norm(f))
/// (unless project is false) + softmax(scale·classifier(f))·class_embedding_k + position_embedding, where
/// class_embedding_k is the k-th part of the rows [K·D'] of class_embedding. Frames are averaged place by
/// place. Records "class_probabilities" [B,T,F,L,classes].
class ClassifierTokens final : public Resampler {
 public:
  ClassifierTokens(const ClassifierTokensParams& params, const ResamplerInput& in, WeightScope& weights)
      : scale_(params.scale),
        pooled_(params.pooled),
        tokens_per_class_(params.tokens_per_class),
        places_(in.features.grid_h * in.features.grid_w + (params.pooled ? 1 : 0)),
        shape_{places_ * params.tokens_per_class, params.hidden_size.value_or(in.media_width)},
        classifier_(weights, "classifier", in.features.width, params.num_classes),
        class_embedding_((weights / "class_embedding")
                             .tensor("weight", {params.num_classes, params.tokens_per_class * shape_.width},
                                     Init::normal(0.02))),
        position_embedding_(weights.tensor("position_embedding", {places_, shape_.width}, Init::zeros())),
        tables_{{"efficientnet_pytorch", rules_of({"_fc"})},
                {"timm", rules_of({"classifier", "fc", "head", "head.fc"})},
                {"torchvision", rules_of({"fc", "classifier.1"})}} {
    if (!params.project) return;
    norm_ = LayerNorm(weights, "norm", in.features.width);
    proj_ = Linear(weights, "proj", in.features.width, shape_.width);
  }

  MediaShape shape() const override { return shape_; }

  at::Tensor forward(const Features& features) const override {
    at::Tensor x = features.tokens.narrow(3, features.prefix_tokens, features.grid_h * features.grid_w);
    if (pooled_) x = at::cat({x.mean(3, /*keepdim=*/true), x}, 3);
    const at::Tensor probabilities = (classifier_(x) * scale_).softmax(-1, at::kFloat).to(x.scalar_type());
    if (features.probe) features.probe->record("class_probabilities", -1, probabilities);
    at::Tensor tokens =
        probabilities.matmul(class_embedding_.tensor()).unflatten(-1, {tokens_per_class_, shape_.width});
    if (proj_) tokens = (*proj_)((*norm_)(x)).unsqueeze(-2) + tokens;
    return (tokens.mean(2) + position_embedding_.tensor().unsqueeze(1)).flatten(2, 3);
  }

  const std::vector<NamingTable>& naming_tables() const override { return tables_; }

 private:
  /// The names of the classifier in a file of its backbone, with or without the layer's name in the prefix.
  static std::vector<NameRule> rules_of(const std::vector<std::string>& layers) {
    std::vector<NameRule> rules = {{"weight", "classifier.weight"}, {"bias", "classifier.bias"}};
    for (const std::string& layer : layers) rename_layer(rules, layer, "classifier");
    return rules;
  }

  double scale_;
  bool pooled_;
  int64_t tokens_per_class_, places_;
  MediaShape shape_;
  std::optional<LayerNorm> norm_;
  std::optional<Linear> proj_;
  Linear classifier_;
  Weight class_embedding_, position_embedding_;
  std::vector<NamingTable> tables_;
};

}  // namespace flam

FLAM_PLUGIN(registrar) {
  registrar.add<flam::ClassifierTokens, flam::ClassifierTokensParams>(
      "classifier_tokens",
      "every patch projected, plus the mean embedding of the classes that a classifier sees in it");
}
