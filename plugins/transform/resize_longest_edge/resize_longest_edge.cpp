// Resizes a picture so that its longest edge has a given length, and then to whole square tiles, as SmolVLM
// and Idefics3 do (transformers 5.24, image_processing_idefics3.py).
//
//   longest_edge   int          length of the longest edge, pixels
//   tile_size      int or null  height and width of a tile, pixels
//   interpolation  enum         nearest | bilinear | bicubic | lanczos
//   pass_order     enum         horizontal_first | adaptive
#include "framework/sdk.h"

namespace flam {

struct ResizeLongestEdgeParams : ResamplingParams {
  int64_t longest_edge = 2048;
  std::optional<int64_t> tile_size;

  ResizeLongestEdgeParams() { interpolation = Interpolation::lanczos; }

  void visit(ParamVisitor& v) {
    v("longest_edge", longest_edge,
      "length of the longest edge, pixels, also for smaller pictures; more than 4096 count as 4096. The "
      "other edge "
      "keeps the aspect ratio and becomes even",
      between(1, 1 << 20));
    v("tile_size", tile_size,
      "height and width of a tile, pixels: the picture is then resized a second time, to whole tiles, which "
      "changes the aspect ratio a little; null: it is not",
      between(1, 1 << 20));
    ResamplingParams::visit(v);
  }
};

/// uint8 [H,W,3] → uint8 [H',W',3], of the size fit_longest_edge(), then round_up_to_tiles().
class ResizeLongestEdge final : public Transform {
 public:
  explicit ResizeLongestEdge(const ResizeLongestEdgeParams& params) : params_(params) {}

  Pixels apply(const Pixels& pixels) const override {
    const at::Tensor& picture = pixels.picture();
    PictureSize size = fit_longest_edge({picture.size(0), picture.size(1)}, params_.longest_edge);
    const at::Tensor resized = params_.resize(picture, size);
    if (!params_.tile_size) return {resized};
    return {params_.resize(resized, round_up_to_tiles(size, *params_.tile_size))};
  }

 private:
  ResizeLongestEdgeParams params_;
};

FLAM_PLUGIN(registrar) {
  registrar.add<ResizeLongestEdge, ResizeLongestEdgeParams>(
      "resize_longest_edge", "resizes the longest edge to a length, then the picture to whole tiles");
}

}  // namespace flam
