#pragma once
#include "framework/sdk.h"

namespace flam {

/// Defaults: ViT-B/14 without registers at the 518 pixels of its checkpoint.
struct Dinov2Params {
  int64_t image_size = 518;
  int64_t patch_size = 14;
  int64_t hidden_size = 768;
  int64_t num_layers = 12;
  int64_t num_heads = 12;
  int64_t intermediate_size = 3072;
  bool swiglu = false;
  int64_t num_register_tokens = 0;
  double layer_norm_eps = 1e-6;
  bool layer_scale = true;
  bool class_position = true;
  bool output_prefix_tokens = true;
  bool final_norm = true;
  std::optional<int64_t> position_image_size;
  PositionGrid::Interpolation position_interpolation = PositionGrid::Interpolation::bicubic;
  double drop_path_rate = 0;

  void visit(ParamVisitor& v);
};

/// pixels [N,3,S,S] → tokens [N,P,D]: class token, register tokens (the prefix), then (S / patch)² patches.
class Dinov2 final : public VisionBackbone {
 public:
  Dinov2(const Dinov2Params& params, const Input&, WeightScope& weights);

  int64_t image_size() const override { return params_.image_size; }
  FeatureShape shape() const override;
  Features forward(const at::Tensor& pixels) const override;
  const std::vector<NamingTable>& naming_tables() const override { return tables_; }

 private:
  int64_t prefix_tokens() const { return 1 + params_.num_register_tokens; }

  Dinov2Params params_;
  int64_t side_;
  PatchEmbedding patch_embedding_;
  PositionGrid positions_;
  Weight class_embedding_, register_tokens_;
  VitEncoder encoder_;
  LayerNorm final_norm_;
  std::vector<NamingTable> tables_;
};

/// The tensor names of Hugging Face, the original repository and timm.
std::vector<NamingTable> dinov2_naming_tables(const Dinov2Params& params);

}  // namespace flam
