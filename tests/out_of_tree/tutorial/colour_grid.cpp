// vision_backbone `colour_grid`: a picture as a grid of cells, each known by its mean colour and its
// contrast.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include "framework/sdk.h"

namespace flam {
namespace {

struct ColourGridParams {
  int64_t image_size = 224;
  int64_t grid = 14;
  int64_t hidden_size = 128;

  void visit(ParamVisitor& v) {
    v("image_size", image_size, "height and width of the pictures, pixels", between(1, kMostOfASize));
    v("grid", grid, "cells along each side", between(1, kMostOfASize));
    v("hidden_size", hidden_size, "width of the features", between(1, kMostOfASize));
  }
};

/// pixels [N,3,S,S] → features [N,grid²,D]: cells row by row, no prefix tokens.
class ColourGrid final : public VisionBackbone {
 public:
  ColourGrid(const ColourGridParams& params, const Input&, WeightScope& weights)
      : params_(params),
        proj_(weights, "proj", 6, params.hidden_size),
        position_(
            weights.tensor("position", {params.grid * params.grid, params.hidden_size}, Init::normal(0.02))) {
    if (params.image_size % params.grid != 0)
      throw Error(cat("image_size ", params.image_size, " is no multiple of grid ", params.grid));
  }

  int64_t image_size() const override { return params_.image_size; }
  FeatureShape shape() const override { return {params_.hidden_size, params_.grid, params_.grid, 0}; }

  Features forward(const at::Tensor& pixels) const override {
    const int64_t g = params_.grid, cell = params_.image_size / g;
    // [N,3,S,S] → [N,3,g,g,cell²] → mean and spread [N,3,g,g]
    const at::Tensor cells =
        pixels.unflatten(3, {g, cell}).unflatten(2, {g, cell}).transpose(3, 4).flatten(4, 5);
    const at::Tensor mean = cells.mean(-1);
    const at::Tensor spread = (cells - mean.unsqueeze(-1)).square().mean(-1).add(1e-6).sqrt();
    const at::Tensor tokens = at::cat({mean, spread}, 1).flatten(2).transpose(1, 2);  // [N,g²,6]
    return {proj_(tokens) + position_.tensor(), g, g, 0};
  }

 private:
  ColourGridParams params_;
  Linear proj_;
  Weight position_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<ColourGrid, ColourGridParams>("colour_grid", "the mean colour and contrast of each cell");
}

}  // namespace flam
