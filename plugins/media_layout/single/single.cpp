// media_layout 'single': each picture is one crop, the whole picture.
#include "framework/sdk.h"

namespace flam {
namespace {

struct SingleParams {
  void visit(ParamVisitor&) {}
};

class Single final : public MediaLayout {
 public:
  Single(const SingleParams&, const Input& in) : image_token_(in.image_token) {}

  int64_t max_crops() const override { return 1; }
  MediaPlan plan(const PictureSize&, bool) const override { return {}; }
  std::vector<Picture> crops(const Picture& picture, const MediaPlan&) const override { return {picture}; }
  std::string text(const MediaPlan&) const override { return image_token_; }

 private:
  std::string image_token_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<Single, SingleParams>("single", "a picture is one crop, and its size is up to `transforms`");
}

}  // namespace flam
