#include "plugins/vision_backbone/resnet/resnet.h"

namespace flam {

namespace {

/// Adds rules for a convolution and the norm after it. If `to` is empty, they are known and skipped.
void rename_conv(std::vector<NameRule>& rules, const std::string& conv, const std::string& norm,
                 const std::string& to) {
  rules.push_back({conv + ".weight", to.empty() ? "" : to + ".weight"});
  rename_batch_norm(rules, norm, to.empty() ? "" : to + ".norm");
}

std::vector<NameRule> torchvision_rules(const ResnetParams& params) {
  std::vector<NameRule> rules = {{"fc.*", ""}};
  rename_conv(rules, "conv1", "bn1", "stem");
  for (int64_t stage = 0; stage < std::ssize(params.depths); ++stage) {
    const std::string from = cat("layer", stage + 1, ".{}.");
    const std::string to = stage < params.out_stage ? cat("stages.", stage, ".{}.") : "";
    const auto name = [&](const std::string& leaf) { return to.empty() ? "" : to + leaf; };
    for (int k = 1; k <= 3; ++k)
      rename_conv(rules, cat(from, "conv", k), cat(from, "bn", k), name(cat("conv", k)));
    rename_conv(rules, from + "downsample.0", from + "downsample.1", name("shortcut"));
  }
  return rules;
}

std::vector<NameRule> huggingface_rules(const ResnetParams& params) {
  std::vector<NameRule> rules;
  rename_conv(rules, "embedder.embedder.convolution", "embedder.embedder.normalization", "stem");
  for (int64_t stage = 0; stage < std::ssize(params.depths); ++stage) {
    const std::string from = cat("encoder.stages.", stage, ".layers.{}.");
    const std::string to = stage < params.out_stage ? cat("stages.", stage, ".{}.") : "";
    const auto rename = [&](const std::string& layer, const std::string& leaf) {
      rename_conv(rules, from + layer + ".convolution", from + layer + ".normalization",
                  to.empty() ? "" : to + leaf);
    };
    for (int k = 1; k <= 3; ++k) rename(cat("layer.", k - 1), cat("conv", k));
    rename("shortcut", "shortcut");
  }
  return rules;
}

}  // namespace

std::vector<NamingTable> resnet_naming_tables(const ResnetParams& params) {
  return {{"torchvision", torchvision_rules(params)},
          {"timm", torchvision_rules(params)},
          {"huggingface", huggingface_rules(params)}};
}

}  // namespace flam
