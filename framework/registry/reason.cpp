#include "framework/registry/reason.h"

#include "framework/base/text.h"

namespace flam {

std::string reason_of(const std::exception& error) {
  const std::string what = error.what();
  std::string text = what.substr(0, what.find("\nException raised from"));
  const size_t meta = text.find(": attempted to run this operator with Meta tensors");
  if (meta == std::string::npos) return text;
  const std::string op = text.substr(0, meta);
  if (op == "aten::_local_scalar_dense")
    return "reads a value from a tensor (item(), …), but tensors on the meta device, where shapes are "
           "checked, have no values";
  const std::string found = cat(
      "calls ", op, ", for which there is no shape function on the meta device, where shapes are checked; ");
  if (op.starts_with("aten::"))
    return cat(found, "use other operators in its place (docs/plugins.md lists those that were tested)");
  return cat(found, "register one, with TORCH_LIBRARY_IMPL(", op.substr(0, op.find("::")), ", Meta, m)");
}

}  // namespace flam
