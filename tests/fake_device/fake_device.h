#pragma once
// A device for tests on machines without an accelerator, registered as libtorch's PrivateUse1 under the name
// "fake". Its tensors are in host memory, and the CPU's kernels compute on them, but the program can't tell:
// the addresses that it sees can't be read, and an operator that is given tensors of two devices is refused.
//
// Link flam_fake_device, or load it with LD_PRELOAD. It is registered when the library is loaded.

#include <cstdint>
#include <map>
#include <string>

#define FLAM_FAKE_DEVICE_API __attribute__((visibility("default")))

namespace flam::test {

/// What a program asked the fake device to do, in all threads together.
struct FakeDeviceCounts {
  int64_t operators = 0;         // kernels, among them copies within the device; views are none
  int64_t allocations = 0;       // tensors for which memory was taken
  int64_t allocated_bytes = 0;   // of these
  int64_t synchronisations = 0;  // the host waits until the device has finished its work
  int64_t copied_bytes = 0;      // between host and device, in either direction
  std::map<std::string, int64_t> by_operator;

  /// Each operator with its number, a line each, for messages.
  FLAM_FAKE_DEVICE_API std::string describe() const;
};

/// The counts since the last call.
FLAM_FAKE_DEVICE_API FakeDeviceCounts take_fake_device_counts();

}  // namespace flam::test
