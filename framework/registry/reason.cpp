#include "framework/registry/reason.h"

#include "framework/base/text.h"

namespace flam {

std::string reason_of(const std::exception& error) {
  const std::string what = error.what();
  std::string text = what.substr(0, what.find("\nException raised from"));
  const size_t meta = text.find(": attempted to run this operator with Meta tensors");
  if (text.find("aten::_local_scalar_dense") != std::string::npos && meta != std::string::npos)
    return "reads a value from a tensor (item(), …), but tensors on the meta device, where shapes are "
           "checked, have no values";
  std::string missing;
  if (meta != std::string::npos) missing = text.substr(0, meta);
  if (text.find("convolution_overrideable not implemented") != std::string::npos) missing = "convolution";
  if (missing.empty()) return text;
  return cat("libtorch has no ", missing,
             " for the meta device, where shapes are checked; use activate(), ConvNorm or PatchEmbedding of "
             "the SDK, which support it");
}

}  // namespace flam
