#include "framework/component/transform.h"

#include "framework/base/text.h"

namespace flam {

const at::Tensor& Pixels::picture() const {
  if (data.dim() != 3 || data.size(2) != 3 || data.scalar_type() != at::kByte || data.numel() == 0) {
    throw Error(cat("a transform got ", data.toString(), " of shape ", data.sizes(),
                    ", but works on uint8 pixels [H,W,3]; put it before 'normalize' in `transforms`"));
  }
  return data;
}

void ResamplingParams::visit(ParamVisitor& v) {
  v("interpolation", interpolation, "interpolation, as in Pillow",
    choices("nearest", "bilinear", "bicubic", "lanczos"));
  v("pass_order", pass_order,
    "direction that is resized first, which changes some values: horizontal_first (Pillow up to 12); "
    "adaptive: the vertical one if the height shrinks by more than twice as many pixels as the width (Pillow "
    "13)",
    choices("horizontal_first", "adaptive"));
}

at::Tensor ResamplingParams::resize(const at::Tensor& picture, const PictureSize& size) const {
  return resize_like_pillow(picture, size.height, size.width, interpolation, pass_order);
}

}  // namespace flam
