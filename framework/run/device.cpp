#include "framework/run/device.h"

#include <ATen/Context.h>
#include <ATen/ops/ones.h>
#include <dlfcn.h>

#include <charconv>
#include <filesystem>

#include "framework/base/error.h"
#include "framework/base/log.h"
#include "framework/base/text.h"

namespace flam {

namespace {

// libtorch remembers the first answer to "is there CUDA?", so its CUDA half is opened before anyone asks.
std::string open_cuda_half() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&at::globalContext), &info) == 0 || !info.dli_fname) {
    return "libtorch_cpu.so can't be located";
  }
  const auto library = std::filesystem::path(info.dli_fname).parent_path() / "libtorch_cuda.so";
  if (!std::filesystem::exists(library)) return "this libtorch has no CUDA half (tools/setup --cuda gets it)";
  if (!dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL))
    return printable(dlerror(), 400) + " (tools/setup --cuda gets what libtorch's CUDA half needs)";
  return "";
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::string try_cuda() {
  std::string problem = open_cuda_half();
  if (!problem.empty()) return problem;
  try {
    if (!at::globalContext().hasCUDA()) return "no CUDA device or driver found";
    const at::Tensor one = at::ones({8, 8}, at::TensorOptions().device(at::kCUDA));
    if (one.mm(one).sum().item().toDouble() != 512) return "a small product on the device came out wrong";
  } catch (const std::exception& error) {
    return printable(first_line(error.what()), 400);
  }
  return "";
}

}  // namespace

std::string cuda_problem() {
  static const std::string problem = try_cuda();
  return problem;
}

at::Device resolve_device(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  if (name == "auto") {
    const std::string problem = cuda_problem();
    log_info(problem.empty() ? "device: cuda" : "device: cpu (" + problem + ")");
    return problem.empty() ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
  }
  if (name == "cuda" || name.starts_with("cuda:")) {
    int index = 0;
    if (name != "cuda") {
      const char* end = name.data() + name.size();
      const auto parsed = std::from_chars(name.data() + 5, end, index);
      if (parsed.ec != std::errc() || parsed.ptr != end || index < 0 || index > 127) {
        throw Error(cat("unknown device ", quoted(name), "; expected auto, cpu, cuda or cuda:N"));
      }
    }
    if (const std::string problem = cuda_problem(); !problem.empty()) {
      throw Error(cat("device ", quoted(name), " can't be used: ", problem));
    }
    const at::Device device(at::kCUDA, static_cast<at::DeviceIndex>(index));
    try {
      at::ones({1}, at::TensorOptions().device(device));
    } catch (const std::exception& error) {
      throw Error(cat("device ", quoted(name), " can't be used: ", printable(first_line(error.what()), 400)));
    }
    return device;
  }
  throw Error(cat("unknown device ", quoted(name), "; expected auto, cpu, cuda or cuda:N"));
}

at::ScalarType resolve_dtype(const std::string& name) {
  if (name == "float32") return at::kFloat;
  if (name == "bfloat16") return at::kBFloat16;
  if (name == "float16") return at::kHalf;
  throw Error(cat("unknown dtype ", quoted(name), "; expected float32, bfloat16 or float16"));
}

std::string dtype_name(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return "float32";
    case at::kBFloat16:
      return "bfloat16";
    case at::kHalf:
      return "float16";
    default:
      return c10::toString(dtype);
  }
}

}  // namespace flam
