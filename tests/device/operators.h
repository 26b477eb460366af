#pragma once
// A table of ATen operators that a plugin may call, each with inputs of a small size.

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

namespace flam {

/// How the inputs lie in memory.
enum class Memory { contiguous, transposed, channels_last };

/// Makes the inputs of an operator: random values on the CPU, or shapes on the meta device.
class Inputs {
 public:
  Inputs(at::Device device, at::ScalarType dtype, Memory memory)
      : device_(device), dtype_(dtype), memory_(memory) {}

  at::Tensor operator()(at::IntArrayRef shape) const;          // values of the given dtype, in (0.1, 0.9)
  at::Tensor ids(at::IntArrayRef shape, int64_t below) const;  // int64
  at::Tensor mask(at::IntArrayRef shape) const;                // bool
  at::Tensor complex(at::IntArrayRef shape) const;             // complex float32
  at::TensorOptions options() const { return at::TensorOptions().device(device_).dtype(dtype_); }

 private:
  at::Tensor laid_out(const at::Tensor& values) const;

  at::Device device_;
  at::ScalarType dtype_;
  Memory memory_;
};

using Outputs = std::vector<at::Tensor>;

struct Operator {
  std::string name;  // as in ATen; a suffix after a space tells calls of one operator apart
  std::function<Outputs(const Inputs&)> call;
};

/// Collects operators.
class Table {
 public:
  void add(const char* name, std::function<Outputs(const Inputs&)> call) {
    operators.push_back({name, std::move(call)});
  }
  /// An operator with one output.
  void one(const char* name, std::function<at::Tensor(const Inputs&)> call) {
    add(name, [call = std::move(call)](const Inputs& in) -> Outputs { return {call(in)}; });
  }
  std::vector<Operator> operators;
};

std::vector<Operator> pointwise_operators();  // and reductions
std::vector<Operator> spatial_operators();    // convolutions, pools, norms, operators on pictures
std::vector<Operator> tensor_operators();     // indexing, products, attention, FFT

}  // namespace flam
