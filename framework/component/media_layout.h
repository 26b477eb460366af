#pragma once
#include "framework/component/types.h"
#include "framework/registry/component.h"

namespace flam {

/// What a layout makes of a picture of a given size.
struct MediaPlan {
  int64_t rows = 0, columns = 0;  // of the grid of tiles; 0: the picture is not cut
  int64_t crops = 1;              // tiles, and other pictures of the whole such as an overview
  /// For each crop, how much of it shows the picture, at its top left, in pixels; the rest is padding, which
  /// the backbone is told as a patch mask. Empty: all of it.
  std::vector<PictureSize> shown;
  int64_t aspect_ratio_id = 0;  // for layouts with tile slots; see VisionInput
  bool is_frame = false;        // of a video, for layouts that separate frames
};

/// media_layout: a picture → the crops that the backbone gets, and the text that stands for them in a prompt.
///
/// The plan follows from the size alone, so that the prompt is known before the picture is decoded. The
/// config's `transforms` are applied to each crop. With one tile slot, each crop is a medium of its own. With
/// T tile slots, the crops of a picture fill the first of T slots; the backbone gets all T together
/// (VisionInput::tile_mask; empty slots are zero), and they are one medium of T·L media tokens.
class FLAM_API MediaLayout : public Component {
 public:
  static constexpr const char* kKind = "media_layout";
  struct Input {
    std::string image_token;  // media marker
    int64_t image_size = 0;   // of the backbone, pixels
  };

  ~MediaLayout() override;
  /// The largest number of crops of a picture.
  virtual int64_t max_crops() const = 0;
  /// By default 1. If it is more, it is at least max_crops().
  virtual int64_t tile_slots() const;
  /// `may_split`: false for a frame of a video, which must be one crop. Error: no picture of this size can be
  /// laid out.
  virtual MediaPlan plan(const PictureSize& size, bool may_split) const = 0;
  /// The crops in order, uint8 [h,w,3] each; `plan` is that of the picture's size.
  virtual std::vector<Picture> crops(const Picture& picture, const MediaPlan& plan) const = 0;
  /// The template text that replaces a picture's media marker. It has one media marker for each medium.
  virtual std::string text(const MediaPlan& plan) const = 0;

  /// true: each frame of a video is a medium of its own, and may be resized differently from a picture. false
  /// (default): the frames of a video are one medium, which the resampler gets together.
  virtual bool separates_frames() const;
  /// The template text that replaces the media marker of a video if frames are separate. It has one media
  /// marker for each frame. Error: the layout writes times, and the video has none.
  virtual std::string video_text(const Part& video) const;

  /// How many media, and so how many media markers, a picture with this plan has.
  int64_t media_count(const MediaPlan& plan) const { return tile_slots() > 1 ? 1 : plan.crops; }
};

}  // namespace flam
