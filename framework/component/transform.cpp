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

}  // namespace flam
