#include "framework/model/run_backbone.h"

#include "framework/base/text.h"

namespace flam {

Features run_backbone(const VisionBackbone& backbone, const Border& border, const VisionInput& input) {
  const FeatureShape shape = backbone.shape();
  Features features = border("forward", [&] { return backbone.encode(input); });
  border.check("forward", features.tokens, {input.pixels.size(0), shape.tokens(), shape.width},
               input.pixels.options());
  if (features.grid_h != shape.grid_h || features.grid_w != shape.grid_w ||
      features.prefix_tokens != shape.prefix_tokens) {
    border.fail(cat("gives features of a grid of ", features.grid_h, "×", features.grid_w, " and ",
                    features.prefix_tokens, " prefix tokens; it announced ", shape.grid_h, "×", shape.grid_w,
                    " and ", shape.prefix_tokens));
  }
  return features;
}

}  // namespace flam
