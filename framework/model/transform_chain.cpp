#include "framework/model/transform_chain.h"

#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "framework/base/text.h"

namespace flam {

TransformChain::TransformChain(const std::vector<ComponentConfig>& configs, const Registry& registry) {
  for (const ComponentConfig& config : configs) {
    links_.push_back({registry.build<Transform>(config, {}), Border(config)});
    names_ += (names_.empty() ? "" : ", ") + config.type->name;
    where_ = config.where;
  }
}

Pixels TransformChain::Link::apply(const Pixels& pixels, Random* random) const {
  const char* const function = random ? "augment" : "apply";
  Pixels out = border(
      function, [&] { return random ? transform->augment(pixels, *random) : transform->apply(pixels); });
  if (!out.data.defined()) border.fail(cat("gives an undefined tensor from ", function, "()"));
  return out;
}

at::Tensor TransformChain::apply(const Picture& picture) const {
  return apply(picture, nullptr);
}

at::Tensor TransformChain::apply(const Picture& picture, Random* random) const {
  Pixels pixels{picture.rgb};
  for (const Link& link : links_) pixels = link.apply(pixels, random);
  const at::Tensor& out = pixels.data;
  if (out.scalar_type() != at::kFloat || out.dim() != 3 || out.size(0) != 3) {
    throw Error(where_, cat("`transforms` must produce float32 pixels [3,H,W], but produce ",
                            out.scalar_type(), " ", out.sizes(), "; put {type: normalize} last"));
  }
  return out;
}

at::Tensor TransformChain::apply(const Picture& picture, const MediaLayout& layout, bool may_split) const {
  return apply(picture, layout, may_split, nullptr);
}

at::Tensor TransformChain::augment(const Picture& picture, const MediaLayout& layout, Random& random) const {
  return apply(picture, layout, /*may_split=*/true, &random);
}

at::Tensor TransformChain::apply(const Picture& picture, const MediaLayout& layout, bool may_split,
                                 Random* random) const {
  std::vector<at::Tensor> pixels;
  const MediaPlan plan = layout.plan({picture.height(), picture.width()}, may_split);
  for (const Picture& crop : layout.crops(picture, plan)) {
    pixels.push_back(apply(crop, random));
    if (pixels.back().sizes() != pixels.front().sizes()) {
      throw Error(where_, cat("`transforms` give the crops of one picture the sizes ", pixels.front().sizes(),
                              " and ", pixels.back().sizes(), "; put a resize or crop among them"));
    }
  }
  while (std::ssize(pixels) < layout.tile_slots()) pixels.push_back(at::zeros_like(pixels.front()));
  return at::stack(pixels);
}

Picture TransformChain::picture(const Picture& picture) const {
  Pixels pixels{picture.rgb};
  at::Tensor last = picture.rgb;
  for (const Link& link : links_) {
    pixels = link.apply(pixels, nullptr);
    if (pixels.data.scalar_type() != at::kByte) break;
    last = pixels.data;
  }
  return {last};
}

void TransformChain::check_output(const MediaLayout& layout, int64_t image_size,
                                  const ComponentConfig& backbone) const {
  constexpr int64_t kLargest =
      4096;  // for larger pictures, a picture of this size is enough to detect a wrong size
  const int64_t edge = std::min(image_size, kLargest), height = edge + 7, width = 2 * edge + 3;
  at::Tensor out;
  try {
    out = apply({at::zeros({height, width, 3}, at::kByte)}, layout, /*may_split=*/true);
  } catch (const Error& error) {
    throw Error(where_, cat("`transforms` don't take a picture of ", width, "×", height,
                            " pixels, with which they are tested: ", error.what()));
  }
  if (out.size(2) != image_size || out.size(3) != image_size) {
    throw Error(where_, cat("`transforms` (", names_, ") give pictures of ", out.size(3), "×", out.size(2),
                            " pixels, but ", backbone.label(), " takes ", image_size, "×", image_size,
                            "; set the size of the last resize or crop, or ",
                            layout.max_crops() > 1 ? "that of the crops of model.media_layout, or " : "",
                            "model.vision_backbone.image_size"));
  }
}

}  // namespace flam
