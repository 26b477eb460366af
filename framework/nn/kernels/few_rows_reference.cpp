#include <ATen/ops/empty.h>

#include "framework/nn/kernels/few_rows.h"

namespace flam::kernels {

at::Tensor few_rows_reference(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const int64_t in = weight.size(1), out = weight.size(0), rows = x.numel() / in;
  const at::Tensor xs = x.to(at::kFloat).contiguous(), ws = weight.to(at::kFloat).contiguous();
  at::Tensor y = at::empty({rows, out}, at::kFloat);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t n = 0; n < out; ++n) {
      double sum = 0;
      for (int64_t k = 0; k < in; ++k)
        sum += static_cast<double>(xs.const_data_ptr<float>()[r * in + k]) *
               ws.const_data_ptr<float>()[n * in + k];
      y.mutable_data_ptr<float>()[r * out + n] = static_cast<float>(sum);
    }
  }
  if (bias.defined()) y += bias.to(at::kFloat);
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = out;
  return y.to(x.scalar_type()).view(shape);
}

}  // namespace flam::kernels
