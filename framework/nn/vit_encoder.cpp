#include "framework/nn/vit_encoder.h"

#include <ATen/TensorOperators.h>

#include "framework/base/text.h"
#include "framework/nn/attention.h"

namespace flam {

VitEncoder::VitEncoder(const WeightScope& weights, const VitEncoderShape& shape) : shape_(shape) {
  const int64_t width = shape.width;
  if (width % shape.num_heads != 0) {
    throw Error(cat("hidden_size ", width, " is not a multiple of num_heads ", shape.num_heads,
                    "; change one of them"));
  }
  const int64_t inner = shape.swiglu ? 2 * shape.mlp_width : shape.mlp_width;
  for (int64_t i = 0; i < shape.num_layers; ++i) {
    const WeightScope scope = weights / "layers" / i;
    Layer layer{LayerNorm(scope, "ln1", width, shape.norm_eps),
                LayerNorm(scope, "ln2", width, shape.norm_eps),
                Linear::fused(scope / "attn", "qkv", width, {width, width, width}),
                Linear(scope / "attn", "proj", width, width),
                Linear(scope / "mlp", "fc1", width, inner),
                Linear(scope / "mlp", "fc2", shape.mlp_width, width),
                {},
                {},
                DropPath(shape.num_layers > 1 ? shape.drop_path_rate * static_cast<double>(i) /
                                                    static_cast<double>(shape.num_layers - 1)
                                              : 0.0)};
    if (shape.layer_scale) {
      layer.ls1 = scope.tensor("ls1", {width}, Init::ones());
      layer.ls2 = scope.tensor("ls2", {width}, Init::ones());
    }
    layers_.push_back(std::move(layer));
  }
}

at::Tensor VitEncoder::attention(const Layer& layer, const at::Tensor& x, const at::Tensor& mask) const {
  const auto qkv = layer.qkv(x).chunk(3, -1);
  return layer.proj(
      merge_heads(attend(split_heads(qkv[0], shape_.num_heads), split_heads(qkv[1], shape_.num_heads),
                         split_heads(qkv[2], shape_.num_heads), mask)));
}

at::Tensor VitEncoder::feed_forward(const Layer& layer, const at::Tensor& x) const {
  const at::Tensor inner = layer.fc1(x);
  if (!shape_.swiglu) return layer.fc2(activate(inner, shape_.activation));
  const auto halves = inner.chunk(2, -1);
  return layer.fc2(activate(halves[0], Activation::silu) * halves[1]);
}

at::Tensor VitEncoder::operator()(at::Tensor x, const at::Tensor& mask) const {
  const at::Tensor keys = mask.defined() ? mask.unsqueeze(1).unsqueeze(1) : mask;  // [N,1,1,P]
  const auto scaled = [](const at::Tensor& branch, const Weight& scale) {
    return scale ? branch * scale.tensor() : branch;
  };
  for (const Layer& layer : layers_) {
    x = add_residual(x, layer.drop_path(scaled(attention(layer, layer.ln1(x), keys), layer.ls1)));
    x = add_residual(x, layer.drop_path(scaled(feed_forward(layer, layer.ln2(x)), layer.ls2)));
  }
  return x;
}

VitLayerNames clip_layer_names() {
  return {.block = "encoder.layers.{}",
          .ln1 = "layer_norm1",
          .qkv = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
          .proj = "self_attn.out_proj",
          .ln2 = "layer_norm2",
          .fc1 = "mlp.fc1",
          .fc2 = "mlp.fc2"};
}

VitLayerNames timm_layer_names() {
  return {.block = "blocks.{}",
          .ln1 = "norm1",
          .qkv = {"attn.qkv"},
          .proj = "attn.proj",
          .ln2 = "norm2",
          .fc1 = "mlp.fc1",
          .fc2 = "mlp.fc2"};
}

void rename_vit_layers(std::vector<NameRule>& rules, const VitLayerNames& from) {
  const auto rename = [&](const std::string& theirs, const std::string& ours, int part = -1) {
    rename_layer(rules, from.block + "." + theirs, "layers.{}." + ours, part);
  };
  rename(from.ln1, "ln1");
  const bool fused = from.qkv.size() == 1;
  for (size_t part = 0; part < from.qkv.size(); ++part)
    rename(from.qkv[part], "attn.qkv", fused ? -1 : static_cast<int>(part));
  rename(from.proj, "attn.proj");
  rename(from.ln2, "ln2");
  rename(from.fc1, "mlp.fc1");
  rename(from.fc2, "mlp.fc2");
}

}  // namespace flam
