#pragma once
// Tensors of the fake device and the host's views of them.
#include <ATen/core/Tensor.h>

#include <string>

#include "tests/fake_device/fake_device.h"

namespace flam::test {

constexpr c10::DeviceType kFakeType = c10::DeviceType::PrivateUse1;

void count_operator(const std::string& name);
void count_allocation(size_t bytes);
void count_synchronisation();
void count_copy(size_t bytes);

/// The CPU tensor on the same memory as a tensor of the fake device; other tensors are returned unchanged.
at::Tensor on_host(const at::Tensor& tensor);

/// The tensor of the fake device on the same memory as a CPU tensor, which an operator has made.
at::Tensor on_fake_device(const at::Tensor& tensor);

/// A tensor on the memory of `base`, a tensor of the fake device, with the place and shape of `view`.
at::Tensor alias(const at::Tensor& base, at::IntArrayRef sizes, at::IntArrayRef strides, int64_t offset);

/// Gives `tensor` the sizes of `host`, on_host(tensor), which an operator may have resized.
void take_size(const at::Tensor& tensor, const at::Tensor& host);

/// The allocator of the device.
c10::Allocator* fake_allocator();

}  // namespace flam::test
