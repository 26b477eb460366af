#pragma once
// The transformer of a vision backbone: pre-norm blocks (CLIP, and others that use the same block).

#include <vector>

#include "framework/nn/dropout.h"
#include "framework/nn/layers.h"
#include "framework/weights/naming.h"

namespace flam {

struct VitEncoderShape {
  int64_t num_layers = 0, width = 0, num_heads = 0, mlp_width = 0;
  Activation activation = Activation::gelu;
  double norm_eps = 1e-5;
  bool layer_scale = false;   // learned factors of each branch (Touvron et al. 2021, section 2): ls1, ls2
  bool swiglu = false;        // feed-forward fc2(silu(gate) · up); fc1 computes both, each mlp_width wide
  double drop_path_rate = 0;  // of the last layer's branches in training; rises from 0 by equal steps (timm)
};

/// x += ls1 · attn(ln1(x)); x += ls2 · mlp(ln2(x)), in every layer (An Image is Worth 16x16 Words, section
/// 3.1). Weights: layers.N.{ln1, attn.qkv, attn.proj, ls1, ln2, mlp.fc1, mlp.fc2, ls2}; qkv is fused from
/// three equal parts.
class FLAM_API VitEncoder {
 public:
  /// Error if the width is not a multiple of the number of heads.
  VitEncoder(const WeightScope& weights, const VitEncoderShape& shape);
  /// [N,P,D] → [N,P,D]; `mask` [N,P] bool: false for tokens to which no token attends (padding); undefined:
  /// none.
  at::Tensor operator()(at::Tensor x, const at::Tensor& mask = {}) const;

 private:
  struct Layer {
    LayerNorm ln1, ln2;
    Linear qkv, proj, fc1, fc2;
    Weight ls1, ls2;
    DropPath drop_path;
  };
  at::Tensor attention(const Layer& layer, const at::Tensor& x, const at::Tensor& mask) const;
  at::Tensor feed_forward(const Layer& layer, const at::Tensor& x) const;
  VitEncoderShape shape_;
  std::vector<Layer> layers_;
};

/// The names of a VitEncoder's layers in a checkpoint. All others follow `block`: "encoder.layer.{}" and
/// "norm1" for encoder.layer.N.norm1.weight. `qkv`: the fused layer alone, or query, key and value.
struct VitLayerNames {
  std::string block, ln1;
  std::vector<std::string> qkv;
  std::string proj, ln2, fc1, fc2;
};
FLAM_API VitLayerNames clip_layer_names();  // of transformers' CLIPVisionModel and SiglipVisionModel
FLAM_API VitLayerNames timm_layer_names();  // of timm's VisionTransformer, and of Meta's DINOv2
/// Rules for the weight and bias of each layer.
FLAM_API void rename_vit_layers(std::vector<NameRule>& rules, const VitLayerNames& from);

}  // namespace flam
