#include "tests/fake_device/memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/Storage.h>

#include <cstring>
#include <mutex>
#include <sstream>
#include <utility>

namespace flam::test {

namespace {

struct Counter {
  std::mutex mutex;
  FakeDeviceCounts counts;
};

Counter& counter() {
  static Counter* const kept = new Counter;  // tensors may outlive static objects
  return *kept;
}

/// An address that no program may read: bits 48 to 63 of an address are equal on x86-64 and AArch64.
void* hidden(const void* address) {
  constexpr uintptr_t kMark = uintptr_t{1} << 62;
  return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(address) | kMark);
}

void release(void* host) {
  delete static_cast<c10::Storage*>(host);
}

/// Memory of the device that is the memory of a host's storage.
c10::DataPtr wrapped(c10::Storage host) {
  void* const address = hidden(host.data());
  return {address, new c10::Storage(std::move(host)), &release, c10::Device(kFakeType, 0)};
}

c10::Storage host_storage(size_t bytes) {
  return {c10::Storage::use_byte_size_t(), static_cast<int64_t>(bytes), c10::GetCPUAllocator(), true};
}

class FakeAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    count_allocation(bytes);
    return wrapped(host_storage(bytes));
  }
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void*, const void*, size_t) const override {
    TORCH_CHECK(false, "the fake device copies tensors only");
  }
};

at::Tensor tensor_on(c10::Storage storage, c10::DispatchKey key, const at::Tensor& like) {
  auto impl =
      c10::make_intrusive<c10::TensorImpl>(std::move(storage), c10::DispatchKeySet(key), like.dtype());
  impl->set_sizes_and_strides(like.sizes(), like.strides(), like.storage_offset());
  return at::Tensor(std::move(impl));
}

}  // namespace

void count_operator(const std::string& name) {
  const std::lock_guard lock(counter().mutex);
  ++counter().counts.operators;
  ++counter().counts.by_operator[name];
}

void count_allocation(size_t bytes) {
  const std::lock_guard lock(counter().mutex);
  ++counter().counts.allocations;
  counter().counts.allocated_bytes += static_cast<int64_t>(bytes);
}

void count_synchronisation() {
  const std::lock_guard lock(counter().mutex);
  ++counter().counts.synchronisations;
}

void count_copy(size_t bytes) {
  const std::lock_guard lock(counter().mutex);
  counter().counts.copied_bytes += static_cast<int64_t>(bytes);
}

std::string FakeDeviceCounts::describe() const {
  std::ostringstream out;
  out << operators << " operators, " << allocations << " allocations, " << synchronisations
      << " synchronisations, " << copied_bytes << " bytes copied";
  for (const auto& [name, count] : by_operator) out << "\n  " << name << " " << count;
  return out.str();
}

FakeDeviceCounts take_fake_device_counts() {
  const std::lock_guard lock(counter().mutex);
  return std::exchange(counter().counts, {});
}

at::Tensor on_host(const at::Tensor& tensor) {
  if (!tensor.defined() || !tensor.is_privateuseone()) return tensor;
  const auto* host = static_cast<const c10::Storage*>(tensor.storage().data_ptr().get_context());
  TORCH_CHECK(host, "a tensor of the fake device has no memory: ", tensor.sizes());
  return tensor_on(*host, c10::DispatchKey::CPU, tensor);
}

at::Tensor on_fake_device(const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.is_privateuseone()) return tensor;
  const c10::Storage host = tensor.storage();
  count_allocation(host.nbytes());
  c10::Storage storage(c10::Storage::use_byte_size_t(), static_cast<int64_t>(host.nbytes()), wrapped(host),
                       fake_allocator(), true);
  return tensor_on(std::move(storage), c10::DispatchKey::PrivateUse1, tensor);
}

at::Tensor alias(const at::Tensor& base, at::IntArrayRef sizes, at::IntArrayRef strides, int64_t offset) {
  auto impl = c10::make_intrusive<c10::TensorImpl>(c10::TensorImpl::VIEW, c10::Storage(base.storage()),
                                                   base.key_set(), base.dtype());
  impl->set_sizes_and_strides(sizes, strides, offset);
  return at::Tensor(std::move(impl));
}

void take_size(const at::Tensor& tensor, const at::Tensor& host) {
  if (tensor.sizes() == host.sizes() && tensor.strides() == host.strides()) return;
  const auto bytes = host.storage().nbytes();
  if (bytes > tensor.storage().nbytes()) count_allocation(bytes);
  tensor.storage().set_nbytes(bytes);
  tensor.unsafeGetTensorImpl()->set_sizes_and_strides(host.sizes(), host.strides(), host.storage_offset());
}

c10::Allocator* fake_allocator() {
  static FakeAllocator* const allocator = new FakeAllocator;
  return allocator;
}

}  // namespace flam::test
