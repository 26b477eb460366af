#pragma once
#include "framework/sdk.h"

namespace flam {

/// Defaults: ViT-L/14 at 224 with OpenAI's weights, as Flamingo uses it (no final norm, class token dropped).
struct ClipVitParams {
  enum class Act { gelu, quick_gelu };

  int64_t image_size = 224;
  int64_t patch_size = 14;
  int64_t hidden_size = 1024;
  int64_t num_layers = 24;
  int64_t feature_layer = -1;
  int64_t num_heads = 16;
  int64_t intermediate_size = 4096;
  Act activation = Act::quick_gelu;
  double layer_norm_eps = 1e-5;
  bool class_token = true;
  bool output_class_token = false;
  bool pre_norm = true;
  bool final_norm = false;
  double drop_path_rate = 0;

  void visit(ParamVisitor& v);
  int64_t used_layers() const { return feature_layer < 0 ? num_layers + 1 + feature_layer : feature_layer; }
};

/// pixels [N,3,S,S] → tokens [N,P,D], P = ⌊S / patch⌋² and, if requested, the class token before them.
class ClipVit final : public VisionBackbone {
 public:
  ClipVit(const ClipVitParams& params, const Input&, WeightScope& weights);

  int64_t image_size() const override { return params_.image_size; }
  FeatureShape shape() const override;
  Features forward(const at::Tensor& pixels) const override;
  const std::vector<NamingTable>& naming_tables() const override { return tables_; }

 private:
  ClipVitParams params_;
  int64_t grid_;
  PatchEmbedding patch_embedding_;
  Weight class_embedding_, position_embedding_;
  LayerNorm pre_norm_, final_norm_;
  VitEncoder encoder_;
  std::vector<NamingTable> tables_;
};

/// The tensor names of OpenAI, Hugging Face, mmpretrain and open_clip. Parts of a checkpoint that `params`
/// leave out are known and skipped.
std::vector<NamingTable> clip_vit_naming_tables(const ClipVitParams& params);

}  // namespace flam
