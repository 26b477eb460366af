#include "framework/media/picture.h"

#include "framework/base/hash.h"
#include "framework/base/text.h"

namespace flam {

std::string content_key(const Picture& picture) {
  const at::Tensor rgb = picture.rgb.contiguous();
  const std::string_view pixels(reinterpret_cast<const char*>(rgb.const_data_ptr<uint8_t>()), rgb.numel());
  return cat(picture.height(), "x", picture.width(), "-", sha256(pixels));
}

std::string features_key(const at::Tensor& features) {
  const at::Tensor values = features.to(at::kCPU).contiguous();
  const std::string_view bytes(static_cast<const char*>(values.const_data_ptr()), values.nbytes());
  return cat("features-", values.scalar_type(), values.sizes(), "-", sha256(bytes));
}

std::string what_is_wrong(const PictureSource& source) {
  const bool picture = !source.path.empty() || source.bytes || source.picture;
  if (picture && source.features.defined()) return "is given both as a picture and as features; give one";
  if (!picture && !source.features.defined())
    return "has neither a path, bytes, pixels nor features; give one of them";
  return "";
}

}  // namespace flam
