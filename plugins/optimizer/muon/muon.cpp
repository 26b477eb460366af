// Muon: momentum whose update of each matrix is orthogonalised by five Newton-Schulz steps (Jordan 2024). The
// update is scaled by 0.2·√max(rows, columns) as in Moonlight (Liu et al. 2025), so that the same learning
// rate works for AdamW, which updates vectors, convolutions and tables of embeddings.
//
//   momentum           float  decay of the matrices' sum of gradients
//   beta1, beta2, eps  float  of AdamW
#include <ATen/ops/cat.h>

#include <algorithm>
#include <cmath>

#include "framework/sdk.h"

namespace flam {

struct MuonParams : AdamWParams {
  double momentum = 0.95;

  void visit(ParamVisitor& v) {
    v("momentum", momentum, "decay of the sum of gradients of a matrix", between(0, 1));
    AdamWParams::visit(v);
  }
};

class Muon final : public Optimizer {
 public:
  explicit Muon(const MuonParams& params) : params_(params) {}

  std::vector<OptimizerState> state_of(const OptimizedTensor& tensor) const override {
    if (tensor.is_matrix) return {{"momentum", tensor.value.sizes().vec()}};
    return AdamWParams::state_of(tensor);
  }
  void step(std::vector<OptimizedTensor>& tensors, int64_t step) const override {
    std::vector<OptimizedTensor*> others;
    for (OptimizedTensor& tensor : tensors) {
      if (tensor.is_matrix) {
        update(tensor);
      } else {
        others.push_back(&tensor);
      }
    }
    params_.step(others, step);
  }

 private:
  void update(OptimizedTensor& tensor) const {
    if (tensor.weight_decay > 0) tensor.value.mul_(1 - tensor.learning_rate * tensor.weight_decay);
    tensor.state[0].mul_(params_.momentum).add_(tensor.gradient);
    const at::Tensor ahead = tensor.gradient + tensor.state[0] * params_.momentum;  // Nesterov's
    tensor.value.sub_(of_parts(ahead, tensor.parts), tensor.learning_rate);
  }

  static at::Tensor of_parts(const at::Tensor& matrix, const std::vector<int64_t>& parts) {
    if (parts.empty()) return scaled(orthogonalised(matrix));
    std::vector<at::Tensor> pieces;
    for (const at::Tensor& piece : matrix.split_with_sizes(parts, 0))
      pieces.push_back(scaled(orthogonalised(piece)));
    return at::cat(pieces, 0);
  }

  static at::Tensor scaled(const at::Tensor& update) {
    return update * (0.2 * std::sqrt(static_cast<double>(std::max(update.size(0), update.size(1)))));
  }

  /// Approximately the nearest matrix with orthonormal rows or columns; its singular values are about 0.7 to
  /// 1.2.
  static at::Tensor orthogonalised(const at::Tensor& matrix) {
    const bool tall = matrix.size(0) > matrix.size(1);
    at::Tensor x = matrix / (matrix.norm() + 1e-7);
    if (tall) x = x.t();
    for (int i = 0; i < 5; ++i) {
      const at::Tensor a = x.mm(x.t());
      x = x * 3.4445 + (a * -4.7750 + a.mm(a) * 2.0315).mm(x);
    }
    return tall ? x.t() : x;
  }

  MuonParams params_;
};

FLAM_PLUGIN(registrar) {
  registrar.add<Muon, MuonParams>("muon", "orthogonalised updates of matrices, AdamW for the rest");
}

}  // namespace flam
