// dataset `my_component`: single-coloured pictures, made on demand.
#include <ATen/ops/empty.h>

#include <array>

#include "framework/sdk.h"

namespace flam {
namespace {

struct MyComponentParams {
  int64_t size = 30;
  int64_t side = 64;

  void visit(ParamVisitor& v) {
    v("size", size, "number of records", at_least(1));
    v("side", side, "height and width of the pictures, pixels", between(1, 4096));
  }
};

/// Record i is a picture of the i-th colour, whose caption is the colour's name; it has a question if the
/// task head needs one.
class MyComponent final : public Dataset {
 public:
  MyComponent(const MyComponentParams& params, const Input& input)
      : params_(params), with_question_(input.with_question) {
    if (input.limit) params_.size = std::min(params_.size, *input.limit);
  }

  int64_t size() const override { return params_.size; }

  Record at(int64_t index) const override {
    const Colour& colour = kColours[static_cast<size_t>(index) % kColours.size()];
    at::Tensor rgb = at::empty({params_.side, params_.side, 3}, at::kByte);
    for (int64_t channel = 0; channel < 3; ++channel) rgb.select(2, channel).fill_(colour.rgb[channel]);
    Record record;
    record.request.id = std::to_string(index);
    record.request.parts.push_back({Part::Kind::image, "", {PictureSource{"", nullptr, Picture{rgb}}}});
    if (with_question_) record.request.parts.push_back({Part::Kind::text, "what colour is it?", {}});
    record.references = {colour.name};
    return record;
  }

 private:
  struct Colour {
    const char* name;
    std::array<int64_t, 3> rgb;
  };
  static constexpr std::array<Colour, 3> kColours = {
      {{"red", {255, 0, 0}}, {"green", {0, 128, 0}}, {"blue", {0, 0, 255}}}};

  MyComponentParams params_;
  bool with_question_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<MyComponent, MyComponentParams>("my_component", "single-coloured pictures");
}

}  // namespace flam
