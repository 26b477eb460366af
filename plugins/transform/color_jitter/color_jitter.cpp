// Changes brightness, contrast, saturation and hue by random factors and in random order in training, like
// torchvision's ColorJitter with pictures of Pillow. Outside training it does nothing.
//
//   brightness, contrast, saturation  float or [min, max]  x: a factor between max(0, 1 − x) and 1 + x
//   hue                               float or [min, max]  x: a part of a full turn between −x and x; at most
//   0.5
#include <array>

#include "color.h"
#include "framework/sdk.h"

namespace flam {

struct ColorJitterParams {
  Value brightness = 0.0, contrast = 0.0, saturation = 0.0, hue = 0.0;

  void visit(ParamVisitor& v) {
    v("brightness", brightness,
      "x: the brightness is multiplied by a number between max(0, 1 - x) and 1 + x; or [min, max] of the "
      "factor");
    v("contrast", contrast,
      "x: the distance to the mean grey is multiplied by a number between max(0, 1 - x) and 1 + x; or [min, "
      "max]");
    v("saturation", saturation,
      "x: the distance to shades of grey is multiplied by a number between max(0, 1 - x) and 1 + x; or [min, "
      "max]");
    v("hue", hue, "x: the hue turns by a part of a full turn between -x and x, at most 0.5; or [min, max]");
  }
};

/// uint8 [H,W,3] → the same shape.
class ColorJitter final : public Transform {
 public:
  explicit ColorJitter(const ColorJitterParams& params)
      : ranges_{range("brightness", params.brightness, 1), range("contrast", params.contrast, 1),
                range("saturation", params.saturation, 1), range("hue", params.hue, 0)} {}

  Pixels apply(const Pixels& pixels) const override { return {pixels.picture()}; }
  Pixels augment(const Pixels& pixels, Random& random) const override {
    std::array<size_t, 4> order = {0, 1, 2, 3};
    for (size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[random.below(i + 1)]);
    std::array<double, 4> factors{};
    for (size_t i = 0; i < factors.size(); ++i) factors[i] = random.uniform(ranges_[i].low, ranges_[i].high);
    at::Tensor picture = pixels.picture();
    for (const size_t which : order) {
      if (ranges_[which].is_used) picture = adjust(picture, which, factors[which]);
    }
    return {picture};
  }

 private:
  struct Range {
    double low, high;
    bool is_used;
  };

  /// `neutral`: the factor that changes nothing.
  static Range range(const char* name, const Value& given, double neutral) {
    const bool is_hue = neutral == 0;
    Range out{};
    if (given.is_number()) {
      const double x = given.as_double();
      out = {is_hue ? -x : std::max(0.0, 1 - x), neutral + x, x != 0};
      if (x >= 0 && out.high <= most(is_hue)) return out;
    } else if (given.is_list() && given.as_list().size() == 2 && given.as_list()[0].is_number() &&
               given.as_list()[1].is_number()) {
      out = {given.as_list()[0].as_double(), given.as_list()[1].as_double(), true};
      out.is_used = out.low != neutral || out.high != neutral;
      if (out.low <= out.high && out.low >= (is_hue ? -0.5 : 0.0) && out.high <= most(is_hue)) return out;
    }
    throw Error(given.where(), cat("'", name, "' must be a number from 0", is_hue ? " to 0.5" : "",
                                   ", or two numbers [min, max]", is_hue ? " between -0.5 and 0.5" : "",
                                   ", the smaller one first; found ", given.describe()));
  }
  static double most(bool is_hue) { return is_hue ? 0.5 : 1e6; }

  static at::Tensor adjust(const at::Tensor& picture, size_t which, double factor) {
    switch (which) {
      case 0:
        return adjust_brightness(picture, static_cast<float>(factor));
      case 1:
        return adjust_contrast(picture, static_cast<float>(factor));
      case 2:
        return adjust_saturation(picture, static_cast<float>(factor));
      default:
        return adjust_hue(picture, factor);
    }
  }

  std::array<Range, 4> ranges_;  // brightness, contrast, saturation, hue
};

FLAM_PLUGIN(registrar) {
  registrar.add<ColorJitter, ColorJitterParams>(
      "color_jitter", "changes brightness, contrast, saturation and hue at random in training");
}

}  // namespace flam
