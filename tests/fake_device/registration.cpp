// Registers the device with libtorch when this library is loaded.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include "tests/fake_device/memory.h"

namespace flam::test {

namespace {

struct FakeGuard final : c10::impl::NoOpDeviceGuardImpl<kFakeType> {
  static c10::Stream stream() { return c10::Stream(c10::Stream::DEFAULT, {kFakeType, 0}); }

  c10::Device getDevice() const override { return {kFakeType, 0}; }
  c10::Device exchangeDevice(c10::Device) const override { return {kFakeType, 0}; }
  c10::Stream getStream(c10::Device) const noexcept override { return stream(); }
  c10::Stream exchangeStream(c10::Stream) const noexcept override { return stream(); }
  // Work is finished when it was queued.
  void record(void**, const c10::Stream&, c10::DeviceIndex, c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void synchronizeEvent(void*) const override { count_synchronisation(); }
  void synchronizeStream(const c10::Stream&) const override { count_synchronisation(); }
  void synchronizeDevice(c10::DeviceIndex) const override { count_synchronisation(); }
};

struct FakeHooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  c10::Allocator* getPinnedMemoryAllocator() const override { return c10::GetAllocator(c10::kCPU); }
  const at::Generator& getDefaultGenerator(c10::DeviceIndex) const override {
    static const at::Generator generator = at::make_generator<at::CPUGeneratorImpl>();
    return generator;
  }
};

C10_REGISTER_GUARD_IMPL(PrivateUse1, FakeGuard)

[[maybe_unused]] const bool registered = [] {
  c10::register_privateuse1_backend("fake");
  c10::SetAllocator(kFakeType, fake_allocator());
  at::RegisterPrivateUse1HooksInterface(new FakeHooks);
  return true;
}();

}  // namespace

}  // namespace flam::test
