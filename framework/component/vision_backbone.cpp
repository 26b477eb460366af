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

Features features_of_map(const at::Tensor& map) {
  return {map.flatten(2).transpose(1, 2).contiguous(), map.size(2), map.size(3), 0};
}

}  // namespace flam
