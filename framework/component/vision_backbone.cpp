#include "framework/component/vision_backbone.h"

#include "framework/base/text.h"

namespace flam {

void check_pixels(const at::Tensor& pixels, int64_t image_size, const char* backbone) {
  if (pixels.dim() == 4 && pixels.size(1) == 3 && pixels.size(2) == image_size &&
      pixels.size(3) == image_size) {
    return;
  }
  throw Error(cat(backbone, " takes pictures [N,3,", image_size, ",", image_size, "], found ", pixels.sizes(),
                  "; check the last resize or crop of `transforms`"));
}

bool VisionInput::has_only_pixels() const {
  return !patch_mask.defined() && !tile_mask.defined() && !aspect_ratio_ids.defined();
}

VisionInput VisionInput::to(at::Device device, at::ScalarType dtype) const {
  VisionInput moved(pixels.to(device, dtype));
  if (patch_mask.defined()) moved.patch_mask = patch_mask.to(device);
  if (tile_mask.defined()) moved.tile_mask = tile_mask.to(device);
  if (aspect_ratio_ids.defined()) moved.aspect_ratio_ids = aspect_ratio_ids.to(device);
  return moved;
}

Features VisionBackbone::encode(const VisionInput& input) const {
  if (!input.has_only_pixels()) {
    throw Error(
        "the backbone takes pixels only, but the pictures have a patch mask, or tiles that belong together; "
        "use "
        "a backbone that takes these, or other `transforms`");
  }
  return forward(input.pixels);
}

Features features_of_map(const at::Tensor& map) {
  return {map.flatten(2).transpose(1, 2).contiguous(), map.size(2), map.size(3), 0};
}

}  // namespace flam
