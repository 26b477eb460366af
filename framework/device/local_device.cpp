#include "framework/device/local_device.h"

#include "framework/base/text.h"
#include "framework/device/cuda_driver.h"
#include "framework/device/device.h"

namespace flam {

std::string local_device(const std::string& name, int64_t local_rank) {
  if (name != "cuda" && name != "auto") return name;
  const auto count = static_cast<int64_t>(cuda_driver().devices.size());
  if (count == 0 || (name == "auto" && !cuda_problem().empty())) return name;
  return cat("cuda:", local_rank % count);
}

}  // namespace flam
