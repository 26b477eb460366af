// media_layout 'grid': a picture is resized to whole tiles, cut into them row by row, and followed by an
// overview (SmolVLM, Idefics3; Laurençon et al. 2024, section 3.2; transformers 5.24,
// image_processing_idefics3.py and processing_idefics3.py).
//
//   do_image_splitting  bool         false: no picture is cut
//   tile_size           int or null  height and width of a tile, pixels
//   longest_edge        int or null  to which pictures are resized first, pixels
//   max_tiles           int          most tiles of a picture
//   fake_image_token    str          text around the crops
//   global_image_tag    str          text before the overview
//   interpolation       enum         nearest | bilinear | bicubic | lanczos
//   pass_order          enum         horizontal_first | adaptive
//   video               group        how videos are written (SmolVLM2, processing_smolvlm.py)
#include <algorithm>

#include "framework/sdk.h"
#include "video_text.h"

namespace flam {

struct GridParams : ResamplingParams {
  bool do_image_splitting = true;
  std::optional<int64_t> tile_size, longest_edge;
  int64_t max_tiles = 0;
  std::string fake_image_token = "<fake_token_around_image>";
  std::string global_image_tag = "<global-img>";
  VideoParams video;

  GridParams() { interpolation = Interpolation::lanczos; }

  void visit(ParamVisitor& v) {
    v("do_image_splitting", do_image_splitting,
      "true: a picture that is larger than a tile after the first resize is cut; false: none is");
    v("tile_size", tile_size, "height and width of a tile, pixels; null: the backbone's image_size",
      between(1, 4096));
    v("longest_edge", longest_edge,
      "length of the longest edge to which every picture is resized first, pixels; at most 4096 are used; "
      "null: four tiles",
      between(1, 1 << 20));
    v("max_tiles", max_tiles,
      "most tiles of a picture, without the overview: longest_edge is reduced by whole tiles for pictures "
      "that "
      "would have more; 0: as many as longest_edge gives",
      at_least(0));
    v("fake_image_token", fake_image_token, "text before each crop, and after the overview");
    v("global_image_tag", global_image_tag, "text between fake_image_token and the overview");
    ResamplingParams::visit(v);
    v("video", video,
      "texts around the frames of a video, each of which is one crop; without them, the frames are one "
      "medium");
  }
};

namespace {

class Grid final : public MediaLayout {
 public:
  Grid(const GridParams& params, const Input& in)
      : params_(params),
        image_token_(in.image_token),
        tile_(params.tile_size.value_or(in.image_size)),
        longest_edge_(std::min(params.longest_edge.value_or(4 * tile_), kLimit)),
        video_edge_(std::min(params.video.longest_edge.value_or(longest_edge_), kLimit)) {
    for (const std::string* text : {&params.fake_image_token, &params.global_image_tag, &params.video.intro,
                                    &params.video.frame, &params.video.outro}) {
      if (!image_token_.empty() && text->find(image_token_) != std::string::npos)
        throw Error(cat("the text ", quoted(*text), " has the media marker ", quoted(image_token_),
                        ", which stands for crops only; remove it"));
    }
  }

  int64_t max_crops() const override {
    const int64_t side = (longest_edge_ + longest_edge_ % 2 + tile_ - 1) / tile_;
    const int64_t tiles = params_.max_tiles > 0 ? std::min(side * side, params_.max_tiles) : side * side;
    return params_.do_image_splitting && tiles > 1 ? tiles + 1 : 1;
  }

  MediaPlan plan(const PictureSize& size, bool may_split) const override {
    if (!may_split) return {.is_frame = separates_frames()};
    if (!params_.do_image_splitting) return {};
    const PictureSize whole = sizes(size).whole_tiles;
    const int64_t rows = whole.height / tile_, columns = whole.width / tile_, tiles = rows * columns;
    if (tiles == 1 || exceeds(tiles)) return {};
    return {.rows = rows, .columns = columns, .crops = tiles + 1};
  }

  std::vector<Picture> crops(const Picture& picture, const MediaPlan& plan) const override {
    const PictureSize size{picture.height(), picture.width()};
    const PictureSize overview{tile_, tile_};
    if (plan.rows == 0) {
      const int64_t edge = plan.is_frame ? video_edge_ : longest_edge_;
      const at::Tensor first = params_.resize(picture.rgb, fit_longest_edge(size, edge));
      return {{params_.resize(first, overview)}};
    }
    const Sizes steps = sizes(size);
    const at::Tensor whole = params_.resize(params_.resize(picture.rgb, steps.first), steps.whole_tiles);
    std::vector<Picture> crops;
    for (int64_t row = 0; row < plan.rows; ++row) {
      const at::Tensor band = whole.narrow(0, row * tile_, tile_);
      for (int64_t column = 0; column < plan.columns; ++column)
        crops.push_back({band.narrow(1, column * tile_, tile_).contiguous()});
    }
    crops.push_back({params_.resize(whole, overview)});
    return crops;
  }

  std::string text(const MediaPlan& plan) const override {
    std::string text;
    for (int64_t row = 1; row <= plan.rows; ++row) {
      for (int64_t column = 1; column <= plan.columns; ++column)
        text += cat(params_.fake_image_token, "<row_", row, "_col_", column, ">", image_token_);
      text += "\n";
    }
    if (plan.rows > 0) text += "\n";
    return text + whole();
  }

  bool separates_frames() const override { return params_.video.is_set(); }
  std::string video_text(const Part& video) const override {
    return flam::video_text(params_.video, video, whole());
  }

 private:
  static constexpr int64_t kLimit = 4096;  // longest edge, pixels

  /// The text of an overview, of a picture that is not cut, or of a frame.
  std::string whole() const {
    return params_.fake_image_token + params_.global_image_tag + image_token_ + params_.fake_image_token;
  }

  struct Sizes {
    PictureSize first, whole_tiles;  // after the two resizes
  };

  /// The sizes of a picture that may be cut. It has too many tiles only if no longest edge gives fewer.
  Sizes sizes(const PictureSize& size) const {
    for (int64_t edge = longest_edge_;; edge = (edge - 1) / tile_ * tile_) {
      const PictureSize first = fit_longest_edge(size, edge);
      const PictureSize whole = round_up_to_tiles(first, tile_);
      const int64_t tiles = whole.height / tile_ * (whole.width / tile_);
      if (!exceeds(tiles) || edge <= tile_) return {first, whole};
    }
  }

  bool exceeds(int64_t tiles) const { return params_.max_tiles > 0 && tiles > params_.max_tiles; }

  GridParams params_;
  std::string image_token_;
  int64_t tile_, longest_edge_, video_edge_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<Grid, GridParams>("grid",
                                  "a picture is cut into tiles of one size, which an overview follows");
}

}  // namespace flam
