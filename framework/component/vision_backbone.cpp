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
  // A copy from the host need not wait for the device, because pageable memory is read before it returns.
  const auto moved_to = [&](const at::Tensor& tensor, at::ScalarType type) {
    return tensor.to(device, type, /*non_blocking=*/tensor.is_cpu());
  };
  VisionInput moved(moved_to(pixels, dtype));
  for (const auto member :
       {&VisionInput::patch_mask, &VisionInput::tile_mask, &VisionInput::aspect_ratio_ids}) {
    const at::Tensor& tensor = this->*member;
    if (tensor.defined()) moved.*member = moved_to(tensor, tensor.scalar_type());
  }
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
