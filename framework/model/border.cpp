#include "framework/model/border.h"

#include <ATen/autocast_mode.h>
#include <c10/util/Exception.h>

#include <new>

#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/device/device_memory.h"
#include "framework/device/dtype.h"
#include "framework/registry/reason.h"
#include "framework/registry/registry.h"

namespace flam {

namespace {
std::string kind_of(at::ScalarType dtype, at::Device device) {
  return cat(dtype_name(dtype), " on ", device);
}
}  // namespace

Border::Border(const ComponentConfig& component, Errors errors)
    : label_(component.label()),
      library_(component.type ? component.type->origin.string() : ""),
      errors_(errors) {}

void Border::fail(const std::string& what) const {
  throw RunError(
      cat(label_, " ", what, library_.empty() ? "" : cat(" (from '", printable(library_, 4096), "')")));
}

void Border::check(const char* call, const at::Tensor& out, at::IntArrayRef shape,
                   const at::TensorOptions& options) const {
  const at::ScalarType dtype = c10::typeMetaToScalarType(options.dtype());
  const auto differs = [&](const std::string& what) {
    fail(cat("gives ", what, " from ", call, "(); expected ", shape, " of ",
             kind_of(dtype, options.device())));
  };
  if (!out.defined()) return differs("an undefined tensor");
  // Under autocast each operator chooses its own floating type.
  const bool fits = out.scalar_type() == dtype || (out.is_floating_point() && !out.is_meta() &&
                                                   at::autocast::is_autocast_enabled(out.device().type()));
  if (out.sizes() != shape || out.device() != options.device() || !fits)
    differs(cat("a tensor ", out.sizes(), " of ", kind_of(out.scalar_type(), out.device())));
}

void Border::rethrow(const char* call) const {
  const auto failure = [&](const std::string& reason) {
    return cat("fails in ", call, "(): ", printable(reason, 2000));
  };
  try {
    throw;
  } catch (const RunError& error) {
    fail(failure(error.what()));
  } catch (const Error& error) {
    if (errors_ == Errors::as_they_are) throw;
    throw Error(cat(label_, ": ", error.what()));
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    const auto* of_libtorch = dynamic_cast<const c10::Error*>(&error);
    if (of_libtorch && is_out_of_memory(*of_libtorch)) throw;
    const std::string reason = reason_of(error);
    if (reason.find("you tried to allocate ") != std::string::npos) throw;
    fail(failure(reason));
  } catch (...) {
    fail(failure("throws something that is not a std::exception"));
  }
}

}  // namespace flam
