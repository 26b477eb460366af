// Puts a picture into the middle of a square whose side is the picture's longer edge, as LLaVA-1.5 does
// (image_aspect_ratio: pad; llava/mm_utils.py, expand2square).
//
//   background  list of int  red, green, blue of the rest of the square, 0 to 255
#include <ATen/ops/empty.h>

#include "framework/sdk.h"

namespace flam {

struct PadToSquareParams {
  std::vector<int64_t> background = {122, 116, 104};  // int(mean · 255) of CLIP's mean

  void visit(ParamVisitor& v) {
    v("background", background, "red, green, blue of the rest of the square, 0 to 255");
  }
};

/// uint8 [H,W,3] → uint8 [S,S,3], S = max(H,W). The picture begins at the row or column ⌊(S − edge) / 2⌋.
class PadToSquare final : public Transform {
 public:
  explicit PadToSquare(const PadToSquareParams& params) : background_(at::empty({3}, at::kByte)) {
    if (params.background.size() != 3)
      throw Error(
          cat("'background' needs three integers (red, green, blue), not ", params.background.size()));
    for (int64_t channel = 0; channel < 3; ++channel) {
      const int64_t value = params.background[channel];
      if (value < 0 || value > 255)
        throw Error(cat("'background' has the value ", value, "; expected 0 to 255"));
      background_.mutable_data_ptr<uint8_t>()[channel] = static_cast<uint8_t>(value);
    }
  }

  Pixels apply(const Pixels& pixels) const override {
    const at::Tensor& picture = pixels.picture();
    const int64_t height = picture.size(0), width = picture.size(1), side = std::max(height, width);
    if (height == width) return pixels;
    if (side > kMostPixels / side) {
      throw Error(cat("a picture of ", width, " x ", height, " pixels can't be padded to a square of side ",
                      side, ": more than ", kMostPixels / 1'000'000, " megapixels; resize it before"));
    }
    at::Tensor square = background_.expand({side, side, 3}).contiguous();
    square.narrow(0, (side - height) / 2, height).narrow(1, (side - width) / 2, width).copy_(picture);
    return {square};
  }

 private:
  static constexpr int64_t kMostPixels = 100'000'000;
  at::Tensor background_;  // uint8 [3]
};

FLAM_PLUGIN(registrar) {
  registrar.add<PadToSquare, PadToSquareParams>("pad_to_square",
                                                "puts a picture into the middle of a square of one colour");
}

}  // namespace flam
