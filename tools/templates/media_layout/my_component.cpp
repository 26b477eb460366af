// media_layout `my_component`: the left and the right half of a picture, and the whole of it.
#include "framework/sdk.h"

namespace flam {
namespace {

struct MyComponentParams {
  bool overview = true;

  void visit(ParamVisitor& v) { v("overview", overview, "whether the whole picture follows its halves"); }
};

/// A picture that is one pixel wide is not cut.
class MyComponent final : public MediaLayout {
 public:
  MyComponent(const MyComponentParams& params, const Input& in)
      : params_(params), image_token_(in.image_token) {}

  int64_t max_crops() const override { return params_.overview ? 3 : 2; }

  MediaPlan plan(const PictureSize& size, bool may_split) const override {
    MediaPlan plan;
    if (!may_split || size.width < 2) return plan;
    plan.rows = 1;
    plan.columns = 2;
    plan.crops = max_crops();
    return plan;
  }

  std::vector<Picture> crops(const Picture& picture, const MediaPlan& plan) const override {
    if (plan.columns == 0) return {picture};
    const int64_t half = picture.width() / 2;
    std::vector<Picture> crops = {{picture.rgb.narrow(1, 0, half).contiguous()},
                                  {picture.rgb.narrow(1, half, picture.width() - half).contiguous()}};
    if (params_.overview) crops.push_back(picture);
    return crops;
  }

  std::string text(const MediaPlan& plan) const override {
    std::string text;
    for (int64_t crop = 0; crop < plan.crops; ++crop) text += image_token_;
    return text;
  }

 private:
  MyComponentParams params_;
  std::string image_token_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<MyComponent, MyComponentParams>("my_component", "the halves of a picture, and the whole");
}

}  // namespace flam
