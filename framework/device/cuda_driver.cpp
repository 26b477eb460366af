#include "framework/device/cuda_driver.h"

#include <dlfcn.h>

#include <array>
#include <cstdlib>

#include "framework/base/text.h"

namespace flam {

namespace {

// From the CUDA Driver API; these don't change.
using Result = int;
constexpr Result kSuccess = 0, kNoDevice = 100;
constexpr int kCapabilityMajor = 75, kCapabilityMinor = 76;

class Driver {
 public:
  Driver() : library_(dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL)) {}  // never closed

  explicit operator bool() const { return library_ != nullptr; }

  /// Calls a function of the driver. Returns its result, or −1 if the driver has no function of that name.
  template <class... Arguments>
  Result operator()(const char* name, Arguments... arguments) const {
    const auto function = reinterpret_cast<Result (*)(Arguments...)>(dlsym(library_, name));
    return function ? function(arguments...) : -1;
  }

  std::string describe(Result result) const {
    const char* text = nullptr;
    (*this)("cuGetErrorString", result, &text);
    return cat(text ? printable(text, 200) : "unknown error", " (error ", result, " of the driver)");
  }

 private:
  void* library_;
};

std::string no_device() {
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  return cat("the NVIDIA driver finds no device",
             visible ? cat(" (CUDA_VISIBLE_DEVICES is ", quoted(visible), ")") : "");
}

CudaDriver ask() {
  CudaDriver out;
  const Driver driver;
  if (!driver) {
    out.problem = "no NVIDIA driver (libcuda.so.1 can't be loaded)";
    return out;
  }
  driver("cuDriverGetVersion", &out.version);
  Result result = driver("cuInit", 0u);
  int count = 0;
  if (result == kSuccess) result = driver("cuDeviceGetCount", &count);
  if (result == kNoDevice || (result == kSuccess && count == 0)) {
    out.problem = no_device();
  } else if (result != kSuccess) {
    out.problem = "the NVIDIA driver doesn't start: " + driver.describe(result);
  }
  for (int i = 0; i < count && out.problem.empty(); ++i) {
    CudaDevice device;
    int handle = 0;
    std::array<char, 256> name{};
    size_t memory = 0;
    driver("cuDeviceGet", &handle, i);
    if (driver("cuDeviceGetName", name.data(), static_cast<int>(name.size()) - 1, handle) == kSuccess)
      device.name = printable(name.data(), 200);
    if (driver("cuDeviceTotalMem_v2", &memory, handle) == kSuccess)
      device.memory = static_cast<int64_t>(memory);
    driver("cuDeviceGetAttribute", &device.capability[0], kCapabilityMajor, handle);
    driver("cuDeviceGetAttribute", &device.capability[1], kCapabilityMinor, handle);
    out.devices.push_back(std::move(device));
  }
  return out;
}

}  // namespace

const CudaDriver& cuda_driver() {
  static const CudaDriver driver = ask();
  return driver;
}

std::string cuda_version_text(int version) {
  return cat(version / 1000, ".", version % 1000 / 10);
}

}  // namespace flam
