// Resizes a picture so that one edge has a given length, keeping the aspect ratio, like mmpretrain's
// ResizeEdge with its Pillow backend, and Hugging Face's CLIPImageProcessor with size: {shortest_edge: …}.
//
//   edge           int    length of the chosen edge, pixels
//   which          enum   short | long
//   interpolation  enum   nearest | bilinear | bicubic | lanczos
//   pass_order     enum   horizontal_first | adaptive
#include "framework/sdk.h"

namespace flam {

struct ResizeEdgeParams : ResamplingParams {
  enum class Which { short_edge, long_edge };

  int64_t edge = 224;
  Which which = Which::short_edge;

  void visit(ParamVisitor& v) {
    v("edge", edge, "length of the chosen edge, pixels", between(1, 1 << 20));
    v("which", which, "the edge that gets this length", choices("short", "long"));
    ResamplingParams::visit(v);
  }
};

/// uint8 [H,W,3] → uint8 [H',W',3]; the other edge follows from the aspect ratio, truncated to an integer.
class ResizeEdge final : public Transform {
 public:
  explicit ResizeEdge(const ResizeEdgeParams& params) : params_(params) {}

  Pixels apply(const Pixels& pixels) const override {
    const at::Tensor& picture = pixels.picture();
    int64_t height = picture.size(0), width = picture.size(1);
    const bool fix_width = (width < height) == (params_.which == ResizeEdgeParams::Which::short_edge);
    if (fix_width) {
      height = params_.edge * height / width;
      width = params_.edge;
    } else {
      width = params_.edge * width / height;
      height = params_.edge;
    }
    return {params_.resize(picture, {height, width})};
  }

 private:
  ResizeEdgeParams params_;
};

FLAM_PLUGIN(registrar) {
  registrar.add<ResizeEdge, ResizeEdgeParams>(
      "resize_edge", "resizes the short or long edge to a length, keeping the aspect ratio");
}

}  // namespace flam
