#include "framework/device/device.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/ops/ones.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <charconv>
#include <filesystem>
#include <limits>

#include "framework/base/error.h"
#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/device/cuda_driver.h"

namespace flam {

namespace {

std::string first_line(const std::string& text) {
  return printable(text.substr(0, text.find('\n')), 400);
}

// libtorch caches its first answer to whether CUDA is available, so its CUDA half is loaded before the
// first query.
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

/// Sets what libtorch chooses on CUDA in a way that doesn't suit this program, for all devices.
void choose_kernels() {
  // cuDNN's attention, which libtorch prefers on Hopper, makes a plan for every new shape, and prompts have
  // many. The flash and memory-efficient kernels remain.
  at::globalContext().setSDPUseCuDNN(false);
  // Convolutions round float32 to TF32 by default, matrix products don't. Other dtypes are not affected.
  at::globalContext().setAllowTF32CuDNN(false);
}

/// Why libtorch can't use any of the driver's devices.
std::string common_problem() {
  if (std::string problem = cuda_half_problem(); !problem.empty()) return problem;
  try {
    const auto& hooks = at::detail::getCUDAHooks();
    const int needed = static_cast<int>(hooks.versionCUDART());
    const int supported = cuda_driver().version;
    if (supported / 1000 < needed / 1000) {
      return cat("the NVIDIA driver supports CUDA ", cuda_version_text(supported), ", this libtorch needs ",
                 cuda_version_text(needed), "; update the driver");
    }
    if (!at::globalContext().hasCUDA()) {
      return "libtorch finds no CUDA device; a program that uses libtorch before the first session on CUDA "
             "is "
             "opened must call flam::cuda_problem() at its start, because libtorch looks only once";
    }
    choose_kernels();
  } catch (const std::exception& error) {
    return first_line(error.what());
  }
  return "";
}

const std::string& cuda_in_common() {
  static const std::string problem = common_problem();
  return problem;
}

std::string index_text(size_t index) {
  return cat("cuda:", index);
}

std::string describe(size_t index) {
  const CudaDevice& device = cuda_driver().devices.at(index);
  return cat(device.name, ", ", device.memory >> 20, " MiB, compute capability ", device.capability[0], ".",
             device.capability[1]);
}

/// Why one CUDA device can't be used; "" if it can.
std::string problem_of(size_t index) {
  const CudaDriver& driver = cuda_driver();
  if (!driver.problem.empty()) return driver.problem;
  if (const size_t count = driver.devices.size(); index >= count) {
    if (count == 1) return "there is 1 CUDA device, cuda:0";
    return cat("there are ", count, " CUDA devices, cuda:0 to ", index_text(count - 1));
  }
  if (const std::string& problem = cuda_in_common(); !problem.empty()) return problem;
  try {
    // This fails if libtorch has no kernels for the architecture, or if the device is out of memory or out of
    // order.
    const at::Device device(at::kCUDA, static_cast<at::DeviceIndex>(index));
    const at::Tensor one = at::ones({8, 8}, at::TensorOptions().device(device));
    if (one.mm(one).sum().item().toDouble() == 512) return "";
    return cat("a small product came out wrong on ", describe(index));
  } catch (const std::exception& error) {
    return cat(first_line(error.what()), " (", describe(index), ")");
  }
}

std::optional<size_t> cuda_index(const std::string& name) {
  if (name == "cuda") return 0;
  if (!name.starts_with("cuda:")) return std::nullopt;
  size_t index = 0;
  const char* const end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + 5, end, index);
  constexpr size_t kMost = std::numeric_limits<at::DeviceIndex>::max();
  if (parsed.ec != std::errc() || parsed.ptr != end || index > kMost) return std::nullopt;
  return index;
}

/// Whether a library that this process has loaded registered a device of that name with libtorch
/// (PrivateUse1). None of Flamboyance's libraries does; a test's does.
bool is_registered_device(const std::string& name) {
  return c10::is_privateuse1_backend_registered() && at::isPrivateUse1HooksRegistered() &&
         name == c10::get_privateuse1_backend();
}

}  // namespace

std::string cuda_half_problem() {
  static const std::string problem = open_cuda_half();
  return problem;
}

std::string cuda_problem() {
  static const std::string problem = problem_of(0);
  return problem;
}

std::vector<std::string> cuda_report() {
  const CudaDriver& driver = cuda_driver();
  std::vector<std::string> lines;
  const std::string problem = cuda_problem();
  lines.push_back(problem.empty() ? "works" : "not usable: " + problem);
  if (driver.version > 0) lines.push_back("the driver supports CUDA " + cuda_version_text(driver.version));
  for (size_t i = 0; i < driver.devices.size(); ++i) lines.push_back(cat(index_text(i), ": ", describe(i)));
  const std::string half = cuda_half_problem();
  lines.push_back(half.empty() ? "libtorch's CUDA half opens" : "libtorch's CUDA half: " + half);
  return lines;
}

at::Device resolve_device(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  if (is_registered_device(name)) return at::Device(at::kPrivateUse1, 0);
  if (name == "auto") {
    const std::string problem = cuda_problem();
    log_info(problem.empty() ? cat("device: cuda:0 (", describe(0), ")")
                             : cat("device: cpu (no CUDA: ", problem, ")"));
    return problem.empty() ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
  }
  const auto index = cuda_index(name);
  if (!index) throw Error(cat("unknown device ", quoted(name), "; expected auto, cpu, cuda or cuda:N"));
  const std::string problem = *index == 0 ? cuda_problem() : problem_of(*index);
  if (!problem.empty()) throw Error(cat("device ", quoted(name), " can't be used: ", problem));
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(*index));
}

at::ScalarType resolve_dtype(const std::string& name) {
  if (name == "float32") return at::kFloat;
  if (name == "bfloat16") return at::kBFloat16;
  if (name == "float16") return at::kHalf;
  throw Error(cat("unknown dtype ", quoted(name), "; expected float32, bfloat16 or float16"));
}

std::string device_name(at::Device device) {
  if (!device.is_cuda()) return "";
  const auto index = static_cast<size_t>(std::max<int>(device.index(), 0));
  const auto& devices = cuda_driver().devices;
  return index < devices.size() ? devices[index].name : "";
}

void synchronize(at::Device device) noexcept {
  if (device.is_cpu() || device.is_meta()) return;
  try {
    // Other threads' streams may go on.
    const c10::impl::VirtualGuardImpl guard(device.type());
    guard.synchronizeStream(guard.getStream(device));
  } catch (const std::exception&) {  // the next operation reports the error again
  }
}

void reset_peak_memory(at::Device device) {
  if (device.is_cuda()) at::getDeviceAllocator(device.type())->resetPeakStats(device.index());
}

std::optional<int64_t> peak_memory(at::Device device) {
  if (!device.is_cuda()) return std::nullopt;
  const auto stats = at::getDeviceAllocator(device.type())->getDeviceStats(device.index());
  return stats.allocated_bytes[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)].peak;
}

}  // namespace flam
