#include "framework/media/picture.h"

#include "framework/base/hash.h"
#include "framework/base/text.h"

namespace flam {

std::string content_key(const Picture& picture) {
  const at::Tensor rgb = picture.rgb.contiguous();
  const std::string_view pixels(reinterpret_cast<const char*>(rgb.const_data_ptr<uint8_t>()), rgb.numel());
  return cat(picture.height(), "x", picture.width(), "-", sha256(pixels));
}

}  // namespace flam
