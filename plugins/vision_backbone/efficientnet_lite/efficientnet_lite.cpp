// EfficientNet-Lite (Tan and Le 2019, section 4, with the changes of TensorFlow's lite0 to lite4): no
// squeeze- and-excitation, ReLU6, fixed widths of stem and head whatever the multipliers, TensorFlow's
// padding. Numbers are those of timm's tf_efficientnet_lite0 … 4.
#include <cmath>

#include "framework/sdk.h"

namespace flam {

/// Defaults: lite0. Multipliers of width and depth, and picture size, of the others: lite1 1.0, 1.1, 240;
/// lite2 1.1, 1.2, 260; lite3 1.2, 1.4, 300; lite4 1.4, 1.8, 380.
struct EfficientnetLiteParams {
  int64_t image_size = 224;
  double width_multiplier = 1.0;
  double depth_multiplier = 1.0;
  bool conv_head = false;
  double batch_norm_eps = 1e-3;

  void visit(ParamVisitor& v) {
    v("image_size", image_size, "height and width of the pictures, pixels", between(1, kMostOfASize));
    v("width_multiplier", width_multiplier, "factor on lite0's channels, rounded to a multiple of 8",
      between(0.01, 100));
    v("depth_multiplier", depth_multiplier,
      "factor on lite0's blocks in all stages but the first and last, rounded up", between(0.01, 100));
    v("conv_head", conv_head,
      "whether the features come from after the last 1×1 convolution (1280 channels) instead of the last "
      "stage");
    v("batch_norm_eps", batch_norm_eps, "added to the variance in every norm", more_than(0));
  }
};

namespace {

struct Stage {
  int64_t blocks, kernel, stride, expansion, channels;
};
constexpr Stage kStages[] = {{1, 3, 1, 1, 16},  {2, 3, 2, 6, 24},  {2, 5, 2, 6, 40}, {3, 3, 2, 6, 80},
                             {3, 5, 1, 6, 112}, {4, 5, 2, 6, 192}, {1, 3, 1, 6, 320}};
constexpr int64_t kStemChannels = 32, kHeadChannels = 1280;

/// The nearest multiple of 8, but not less than 90 % of the product.
int64_t scaled_channels(int64_t channels, double multiplier) {
  const double wanted = static_cast<double>(channels) * multiplier;
  const int64_t rounded = std::max<int64_t>(8, static_cast<int64_t>(wanted + 4) / 8 * 8);
  return static_cast<double>(rounded) < 0.9 * wanted ? rounded + 8 : rounded;
}

int64_t scaled_blocks(size_t stage, double multiplier) {
  const int64_t blocks = kStages[stage].blocks;
  if (stage == 0 || stage + 1 == std::size(kStages)) return blocks;
  return static_cast<int64_t>(std::ceil(static_cast<double>(blocks) * multiplier));
}

/// Adds rules for a convolution and the norm after it.
void rename_conv(std::vector<NameRule>& rules, const std::string& conv, const std::string& norm,
                 const std::string& to) {
  rules.push_back({conv + ".weight", to.empty() ? "" : to + ".weight"});
  rename_batch_norm(rules, norm, to.empty() ? "" : to + ".norm");
}

std::vector<NameRule> timm_rules(bool conv_head) {
  std::vector<NameRule> rules = {{"classifier.*", ""}};
  rename_conv(rules, "conv_stem", "bn1", "stem");
  // The first stage has no expansion, so the numbers of its norms start at the depthwise convolution.
  rename_conv(rules, "blocks.0.{}.conv_dw", "blocks.0.{}.bn1", "stages.0.{}.depthwise");
  rename_conv(rules, "blocks.0.{}.conv_pw", "blocks.0.{}.bn2", "stages.0.{}.project");
  rename_conv(rules, "blocks.{}.{}.conv_pw", "blocks.{}.{}.bn1", "stages.{}.{}.expand");
  rename_conv(rules, "blocks.{}.{}.conv_dw", "blocks.{}.{}.bn2", "stages.{}.{}.depthwise");
  rename_conv(rules, "blocks.{}.{}.conv_pwl", "blocks.{}.{}.bn3", "stages.{}.{}.project");
  rename_conv(rules, "conv_head", "bn2", conv_head ? "head" : "");
  return rules;
}

/// The names of the Python packages efficientnet_pytorch and efficientnet_lite_pytorch, which count blocks
/// through all stages.
std::vector<NameRule> efficientnet_pytorch_rules(const EfficientnetLiteParams& params) {
  std::vector<NameRule> rules = {{"_fc.*", ""}};
  rename_conv(rules, "_conv_stem", "_bn0", "stem");
  int64_t number = 0;
  for (size_t stage = 0; stage < std::size(kStages); ++stage) {
    for (int64_t i = 0; i < scaled_blocks(stage, params.depth_multiplier); ++i, ++number) {
      const std::string from = cat("_blocks.", number, "."), to = cat("stages.", stage, ".", i, ".");
      if (kStages[stage].expansion > 1)
        rename_conv(rules, from + "_expand_conv", from + "_bn0", to + "expand");
      rename_conv(rules, from + "_depthwise_conv", from + "_bn1", to + "depthwise");
      rename_conv(rules, from + "_project_conv", from + "_bn2", to + "project");
    }
  }
  rename_conv(rules, "_conv_head", "_bn1", params.conv_head ? "head" : "");
  return rules;
}

/// A 1×1 convolution that expands, a depthwise convolution, and a 1×1 convolution that projects (MobileNetV2,
/// Sandler et al. 2018), plus the input where the shapes allow it.
class InvertedResidual {
 public:
  InvertedResidual(const WeightScope& weights, int64_t in, const Stage& stage, int64_t out, int64_t stride,
                   double eps)
      : residual_(stride == 1 && in == out) {
    const int64_t inner = in * stage.expansion;
    const auto same = ConvShape::Padding::same;
    if (stage.expansion > 1) convolutions_.emplace_back(weights, "expand", ConvShape{in, inner}, eps);
    convolutions_.emplace_back(weights, "depthwise",
                               ConvShape{inner, inner, stage.kernel, stride, inner, same}, eps);
    convolutions_.emplace_back(weights, "project", ConvShape{inner, out}, eps);
  }

  at::Tensor operator()(const at::Tensor& x) const {
    at::Tensor branch = x;
    for (size_t i = 0; i < convolutions_.size(); ++i) {
      if (i > 0) branch = activate(branch, Activation::relu6);
      branch = convolutions_[i](branch);
    }
    return residual_ ? add_residual(x, branch) : branch;
  }

 private:
  bool residual_;
  std::vector<ConvNorm> convolutions_;
};

}  // namespace

/// pixels [N,3,S,S] → tokens [N,P,D]: the cells of the last feature map, row by row. Its side is S / 32,
/// rounded up at every halving.
class EfficientnetLite final : public VisionBackbone {
 public:
  EfficientnetLite(const EfficientnetLiteParams& params, const Input&, WeightScope& weights)
      : image_size_(params.image_size),
        width_(kStemChannels),
        stem_(weights, "stem", {3, kStemChannels, 3, 2, 1, ConvShape::Padding::same}, params.batch_norm_eps),
        tables_{{"timm", timm_rules(params.conv_head)},
                {"efficientnet_pytorch", efficientnet_pytorch_rules(params)}} {
    side_ = stem_.shape().output_side(image_size_);
    for (size_t stage = 0; stage < std::size(kStages); ++stage) {
      const int64_t out = scaled_channels(kStages[stage].channels, params.width_multiplier);
      for (int64_t i = 0; i < scaled_blocks(stage, params.depth_multiplier); ++i) {
        blocks_.emplace_back(weights / "stages" / static_cast<int64_t>(stage) / i, width_, kStages[stage],
                             out, i == 0 ? kStages[stage].stride : 1, params.batch_norm_eps);
        width_ = out;
      }
      side_ = (side_ + kStages[stage].stride - 1) / kStages[stage].stride;
    }
    if (params.conv_head) {
      head_.emplace(weights, "head", ConvShape{width_, kHeadChannels}, params.batch_norm_eps);
      width_ = kHeadChannels;
    }
  }

  int64_t image_size() const override { return image_size_; }
  FeatureShape shape() const override { return {width_, side_, side_, 0}; }
  const std::vector<NamingTable>& naming_tables() const override { return tables_; }

  Features forward(const at::Tensor& pixels) const override {
    check_pixels(pixels, image_size_, "efficientnet_lite");
    at::Tensor x = activate(stem_(pixels), Activation::relu6);
    for (const InvertedResidual& block : blocks_) x = block(x);
    if (head_) x = activate((*head_)(x), Activation::relu6);
    return features_of_map(x);
  }

 private:
  int64_t image_size_, width_, side_;
  ConvNorm stem_;
  std::vector<InvertedResidual> blocks_;
  std::optional<ConvNorm> head_;
  std::vector<NamingTable> tables_;
};

}  // namespace flam

FLAM_PLUGIN(registrar) {
  registrar.add<flam::EfficientnetLite, flam::EfficientnetLiteParams>(
      "efficientnet_lite", "small convolutional network; the features are the cells of its last feature map");
}
