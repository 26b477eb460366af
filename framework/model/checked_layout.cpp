// Checks of the values that media layouts return.
#include "framework/base/text.h"
#include "framework/model/checked.h"

namespace flam {

namespace {

class CheckedMediaLayout final : public MediaLayout {
 public:
  CheckedMediaLayout(std::unique_ptr<MediaLayout> inner, Border border, const Input& in)
      : inner_(std::move(inner)), border_(std::move(border)), image_token_(in.image_token) {
    const int64_t most = CheckedMediaLayout::max_crops(), slots = CheckedMediaLayout::tile_slots();
    if (slots > 1 && most > slots)
      border_.fail(cat("gives ", most, " from max_crops(), but has only ", slots, " tile slots"));
  }

  int64_t max_crops() const override {
    return at_least_one("max_crops", border_("max_crops", [&] { return inner_->max_crops(); }));
  }
  int64_t tile_slots() const override {
    return at_least_one("tile_slots", border_("tile_slots", [&] { return inner_->tile_slots(); }));
  }
  MediaPlan plan(const PictureSize& size, bool may_split) const override {
    MediaPlan plan = border_("plan", [&] { return inner_->plan(size, may_split); });
    const int64_t most = may_split ? max_crops() : 1;
    if (plan.crops < 1 || plan.crops > most) {
      border_.fail(cat("gives a plan of ", plan.crops, " crops from plan() for ",
                       may_split ? "a picture" : "a frame of a video", " of ", size.width, "×", size.height,
                       " pixels; expected 1", most > 1 ? cat(" to ", most) : ""));
    }
    if (!plan.shown.empty() && std::ssize(plan.shown) != plan.crops)
      border_.fail(cat("gives a plan from plan() that says of ", plan.shown.size(),
                       " crops how much of them "
                       "is shown; it has ",
                       plan.crops));
    return plan;
  }
  std::vector<Picture> crops(const Picture& picture, const MediaPlan& plan) const override {
    std::vector<Picture> crops = border_("crops", [&] { return inner_->crops(picture, plan); });
    if (std::ssize(crops) != plan.crops)
      border_.fail(cat("gives ", crops.size(), " crops from crops(); its plan has ", plan.crops));
    for (const Picture& crop : crops) {
      const at::Tensor& rgb = crop.rgb;
      if (!rgb.defined() || rgb.scalar_type() != at::kByte || rgb.dim() != 3 || rgb.size(2) != 3 ||
          rgb.numel() == 0) {
        border_.fail(cat("gives a crop from crops() that is ",
                         rgb.defined() ? cat(rgb.scalar_type(), " ", rgb.sizes()) : "undefined",
                         "; expected uint8 [h,w,3]"));
      }
    }
    return crops;
  }
  bool separates_frames() const override {
    const bool separate = border_("separates_frames", [&] { return inner_->separates_frames(); });
    if (separate && tile_slots() > 1)
      border_.fail("gives true from separates_frames(), which needs a layout with one tile slot");
    return separate;
  }
  std::string video_text(const Part& video) const override {
    std::string text = border_("video_text", [&] { return inner_->video_text(video); });
    const auto markers = template_text(text).find_all(image_token_).size();
    if (markers != video.pictures.size()) {
      border_.fail(cat("gives a text from video_text() with ", markers, " media markers ",
                       quoted(image_token_), "; expected ", video.pictures.size(), ", one for each frame"));
    }
    return text;
  }
  std::string text(const MediaPlan& plan) const override {
    std::string text = border_("text", [&] { return inner_->text(plan); });
    const int64_t markers = std::ssize(template_text(text).find_all(image_token_));
    if (markers != media_count(plan)) {
      border_.fail(cat("gives a text from text() with ", markers, " media markers ", quoted(image_token_),
                       "; expected ", media_count(plan), ", one for each ",
                       tile_slots() > 1 ? "picture" : "crop"));
    }
    return text;
  }

 private:
  int64_t at_least_one(const char* call, int64_t count) const {
    if (count < 1) border_.fail(cat("gives ", count, " from ", call, "(); expected at least 1"));
    return count;
  }

  std::unique_ptr<MediaLayout> inner_;
  Border border_;
  std::string image_token_;
};

}  // namespace

std::unique_ptr<MediaLayout> checked(std::unique_ptr<MediaLayout> component, Border border,
                                     const MediaLayout::Input& in) {
  return std::make_unique<CheckedMediaLayout>(std::move(component), std::move(border), in);
}

}  // namespace flam
