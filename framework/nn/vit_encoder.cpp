#include "framework/nn/vit_encoder.h"

#include "framework/base/text.h"
#include "framework/nn/attention.h"

namespace flam {

VitEncoder::VitEncoder(const WeightScope& weights, const VitEncoderShape& shape) : shape_(shape) {
  const int64_t width = shape.width;
  if (width % shape.num_heads != 0) {
    throw Error(
        cat("hidden_size ", width, " is no multiple of num_heads ", shape.num_heads, "; set one of them"));
  }
  for (int64_t i = 0; i < shape.num_layers; ++i) {
    const WeightScope scope = weights / "layers" / i;
    layers_.push_back(
        {LayerNorm(scope, "ln1", width, shape.norm_eps), LayerNorm(scope, "ln2", width, shape.norm_eps),
         Linear::fused(scope / "attn", "qkv", width, {width, width, width}),
         Linear(scope / "attn", "proj", width, width), Linear(scope / "mlp", "fc1", width, shape.mlp_width),
         Linear(scope / "mlp", "fc2", shape.mlp_width, width)});
  }
}

at::Tensor VitEncoder::operator()(at::Tensor x) const {
  for (const Layer& layer : layers_) {
    const auto qkv = layer.qkv(layer.ln1(x)).chunk(3, -1);
    const at::Tensor seen =
        attend(split_heads(qkv[0], shape_.num_heads), split_heads(qkv[1], shape_.num_heads),
               split_heads(qkv[2], shape_.num_heads), {});
    x = add_residual(x, layer.proj(merge_heads(seen)));
    x = add_residual(x, layer.fc2(activate(layer.fc1(layer.ln2(x)), shape_.activation)));
  }
  return x;
}

}  // namespace flam
