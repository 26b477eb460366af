// Grids against transformers 5.24 with Pillow 13: FLAM_GOLDEN_DIR/smolvlm_tiny/sizes.json and pixels.*.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/media/decode.h"
#include "framework/model/laid_out.h"
#include "framework/sdk.h"
#include "framework/testing/component.h"
#include "tests/support/component.h"
#include "tests/support/scratch.h"
#include "video_text.h"

namespace flam {
namespace {

using Json = nlohmann::json;
using test::error_of;

const std::filesystem::path& folder() {
  static const std::filesystem::path path = golden_dir() / "smolvlm_tiny";
  return path;
}

Built<MediaLayout> grid(int64_t tile, int64_t longest_edge, const std::string& more = "") {
  return Built<MediaLayout>(cat("{type: grid, pass_order: adaptive, tile_size: ", tile,
                                ", longest_edge: ", longest_edge, more, "}"),
                            {"<image>", tile});
}

TEST(Grid, SizesAsTheReference) {
  const Json cases = Json::parse(std::ifstream(folder() / "sizes.json")).at("cases");
  ASSERT_GE(cases.size(), 100u);
  for (const Json& one : cases) {
    const auto layout = grid(one[3], one[2]);
    const MediaPlan plan = layout->plan({one[1], one[0]}, /*may_split=*/true);
    EXPECT_EQ(plan.rows, one[8].get<int64_t>()) << one;
    EXPECT_EQ(plan.columns, one[9].get<int64_t>()) << one;
    EXPECT_EQ(plan.crops, plan.rows * plan.columns + 1) << one;
    EXPECT_LE(plan.crops, layout->max_crops()) << one;
  }
}

TEST(Grid, PixelsAsTheReference) {
  const Json index = Json::parse(std::ifstream(folder() / "pixels.json"));
  const auto expected = open_checkpoint(folder() / "pixels.safetensors");
  DecodeOptions options;
  options.orientation = DecodeOptions::Orientation::ignore;
  options.background = {255, 255, 255};
  int compared = 0;
  for (const Json& file : index.at("files")) {
    const std::string key = file.at("key");
    // Pillow converts these in other ways than OpenCV.
    if (key.starts_with("05_gray16") || key.starts_with("06_cmyk")) continue;
    const Picture picture = load_picture({.path = folder() / file.at("file").get<std::string>()}, options);
    const bool splits = file.at("do_image_splitting");
    const auto layout =
        grid(index.at("tile"), index.at("longest_edge"), splits ? "" : ", do_image_splitting: false");
    const MediaPlan plan = layout->plan({picture.height(), picture.width()}, /*may_split=*/true);
    std::vector<at::Tensor> crops;
    for (const Picture& crop : layout->crops(picture, plan)) crops.push_back(crop.rgb.permute({2, 0, 1}));
    EXPECT_TRUE(at::stack(crops).equal(expected->tensor(key + ".uint8"))) << key;
    ++compared;
  }
  EXPECT_GT(compared, 5);
}

TEST(Grid, TextOfTilesAndOverview) {
  const auto layout = grid(40, 120);
  const MediaPlan tiled = layout->plan({100, 150}, /*may_split=*/true);
  EXPECT_EQ(layout->text(tiled),
            "<fake_token_around_image><row_1_col_1><image><fake_token_around_image><row_1_col_2><image>"
            "<fake_token_around_image><row_1_col_3><image>\n"
            "<fake_token_around_image><row_2_col_1><image><fake_token_around_image><row_2_col_2><image>"
            "<fake_token_around_image><row_2_col_3><image>\n\n"
            "<fake_token_around_image><global-img><image><fake_token_around_image>");
  const std::string whole = "<fake_token_around_image><global-img><image><fake_token_around_image>";
  EXPECT_EQ(layout->text(layout->plan({100, 150}, /*may_split=*/false)), whole);
  EXPECT_EQ(grid(40, 40)->text(grid(40, 40)->plan({100, 150}, /*may_split=*/true)), whole);
}

/// "images/img0_150x100.png" → 150 × 100 pixels.
PictureSize size_in(const std::string& path) {
  PictureSize size;
  const std::string name = std::filesystem::path(path).stem().string();
  EXPECT_EQ(std::sscanf(name.c_str() + name.rfind('_'), "_%ldx%ld", &size.width, &size.height), 2) << path;
  return size;
}

/// The sizes of the pictures in a row of messages, in order.
std::vector<PictureSize> pictures_in(const Json& messages) {
  std::vector<PictureSize> sizes;
  for (const Json& message : messages) {
    for (const Json& item : message.at("content")) {
      if (item.at("type") == "image") sizes.push_back(size_in(item.at("path")));
    }
  }
  return sizes;
}

TEST(Grid, PromptsAsTheReference) {
  int compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() != ".json" || name.find('_') == name.npos || name.ends_with("video"))
      continue;
    const Json stored = Json::parse(std::ifstream(entry.path()));
    const Json sizes = Json::parse(std::ifstream(folder() / name.substr(0, name.find('_')) / "config.json"));
    const int64_t tile = sizes.at("vision_config").at("image_size");
    const bool splits = stored.at("options").value("do_image_splitting", true);
    const auto layout = grid(tile, 3 * tile, splits ? "" : ", do_image_splitting: false");
    for (size_t row = 0; row < stored.at("text").size(); ++row) {
      std::vector<std::string> texts;
      for (const PictureSize& size : pictures_in(stored.at("messages")[row]))
        texts.push_back(layout->text(layout->plan(size, /*may_split=*/true)));
      // The reference repeats the marker, once for each of a crop's media tokens.
      std::string expected = stored.at("expanded_text")[row];
      for (size_t at = 0; (at = expected.find("<image><image>", at)) != std::string::npos;)
        expected.erase(at, 7);
      const std::string text = stored.at("text")[row];
      EXPECT_EQ(with_media_texts(template_text(text), "<image>", texts).str(), expected) << name;
      ++compared;
    }
  }
  EXPECT_GT(compared, 4);
}

constexpr const char* kVideo =
    ", video: {intro: '{frame_count}, {duration}:', frame: ' {timestamp}', outro: '.', longest_edge: 40}";

Part video_of(size_t frames, std::vector<double> timestamps, std::optional<double> duration = {}) {
  return {Part::Kind::frames, "", std::vector<PictureSource>(frames), std::move(timestamps), duration};
}

TEST(Grid, TextOfAVideo) {
  const std::string frame = "<fake_token_around_image><global-img><image><fake_token_around_image>";
  const auto layout = grid(40, 120, kVideo);
  ASSERT_TRUE(layout->separates_frames());
  EXPECT_EQ(layout->video_text(video_of(2, {0, 77.9}, 150)),
            "two, 0:02:30: 00:00" + frame + " 01:17" + frame + ".");
  EXPECT_EQ(layout->video_text(video_of(1, {6001.5})), "one, 1:40:01: 100:01" + frame + ".");
  EXPECT_THAT(error_of([&] { layout->video_text(video_of(2, {})); }),
              testing::HasSubstr("does not say that of its frames; add `fps`"));
  EXPECT_FALSE(grid(40, 120)->separates_frames());
  const auto untimed = grid(40, 120, ", video: {outro: .}");
  EXPECT_EQ(untimed->video_text(video_of(2, {})), frame + frame + ".");
}

TEST(Grid, AFrameHasALongestEdgeOfItsOwn) {
  const Picture picture{at::randint(0, 255, {97, 41, 3}, at::kByte)};
  const auto crop = [&](const Built<MediaLayout>& layout, bool may_split) {
    return layout->crops(picture, layout->plan({97, 41}, may_split)).back().rgb;
  };
  const auto video = grid(40, 120, cat(", do_image_splitting: false", kVideo));
  EXPECT_TRUE(crop(video, false).equal(crop(grid(40, 40, ", do_image_splitting: false"), true)));
  EXPECT_FALSE(crop(video, false).equal(crop(video, true)));
}

// Expected: num2words 0.5.14 and datetime.timedelta of Python.
TEST(Grid, NumbersAndTimesAsText) {
  for (const auto& [number, words] : std::vector<std::pair<int64_t, std::string>>{
           {0, "zero"},
           {4, "four"},
           {13, "thirteen"},
           {20, "twenty"},
           {64, "sixty-four"},
           {100, "one hundred"},
           {101, "one hundred and one"},
           {340, "three hundred and forty"},
           {1000, "one thousand"},
           {1001, "one thousand and one"},
           {1100, "one thousand, one hundred"},
           {21'121, "twenty-one thousand, one hundred and twenty-one"},
           {100'100, "one hundred thousand, one hundred"},
           {1'000'000, "1000000"}}) {
    EXPECT_EQ(number_in_words(number), words);
  }
  EXPECT_EQ(duration_text(0.9), "0:00:00");
  EXPECT_EQ(duration_text(3661), "1:01:01");
  EXPECT_EQ(duration_text(86'405), "1 day, 0:00:05");
  EXPECT_EQ(duration_text(200'000), "2 days, 7:33:20");
  EXPECT_EQ(timestamp_text(59.99), "00:59");
  EXPECT_EQ(timestamp_text(7325), "122:05");
}

TEST(Grid, OddPictures) {
  const auto layout = grid(40, 120);
  for (const auto& [height, width] : std::vector<std::pair<int64_t, int64_t>>{
           {1, 1}, {10, 4096}, {4096, 10}, {1, 100'000}, {40, 40}, {41, 40}, {119, 121}}) {
    const Picture picture{at::full({height, width, 3}, 7, at::kByte)};
    for (const bool may_split : {true, false}) {
      const MediaPlan plan = layout->plan({height, width}, may_split);
      EXPECT_LE(plan.crops, may_split ? layout->max_crops() : 1);
      const auto crops = layout->crops(picture, plan);
      ASSERT_EQ(std::ssize(crops), plan.crops);
      for (const Picture& crop : crops) EXPECT_TRUE(crop.rgb.equal(at::full({40, 40, 3}, 7, at::kByte)));
    }
  }
}

TEST(Grid, MaxTilesReducesTheGrid) {
  for (const int64_t most : {1, 2, 3, 4, 6, 9, 15}) {
    for (const int64_t tile : {40, 41}) {
      const auto layout = grid(tile, 4 * tile, cat(", max_tiles: ", most));
      EXPECT_EQ(layout->max_crops(), most > 1 ? most + 1 : 1);
      for (const PictureSize& size : {PictureSize{100, 100}, {50, 200}, {200, 130}, {1, 1}, {10, 4096}}) {
        const MediaPlan plan = layout->plan(size, /*may_split=*/true);
        EXPECT_LE(plan.rows * plan.columns, most);
        EXPECT_EQ(plan.crops, plan.rows * plan.columns + 1);
        const Picture picture{at::zeros({size.height, size.width, 3}, at::kByte)};
        const auto crops = layout->crops(picture, plan);
        ASSERT_EQ(std::ssize(crops), plan.crops);
        for (const Picture& crop : crops) EXPECT_EQ(crop.rgb.sizes(), at::IntArrayRef({tile, tile, 3}));
      }
    }
  }
  EXPECT_EQ(grid(40, 160, ", max_tiles: 4")->plan({100, 100}, true).rows, 2);
  EXPECT_EQ(grid(40, 160, ", max_tiles: 4")->plan({50, 200}, true).columns, 4);
}

TEST(Grid, DefaultsFollowTheBackbone) {
  const Built<MediaLayout> layout("{type: grid}", {"<image>", 30});
  EXPECT_EQ(layout->max_crops(), 17);
  EXPECT_EQ(layout->plan({90, 90}, true).crops, 17);
  const Picture picture{at::zeros({60, 90, 3}, at::kByte)};
  EXPECT_EQ(layout->crops(picture, layout->plan({60, 90}, true)).back().rgb.sizes(),
            at::IntArrayRef({30, 30, 3}));
}

TEST(Grid, RefusesMarkersInItsTexts) {
  EXPECT_THAT(error_of([] { grid(40, 120, ", video: {frame: 'a <image>'}"); }),
              testing::HasSubstr("the text 'a <image>' has the media marker '<image>'"));
  EXPECT_THAT(error_of([] { grid(40, 120, ", fake_image_token: 'a <image>'"); }),
              testing::HasSubstr("the text 'a <image>' has the media marker '<image>'"));
}

}  // namespace
}  // namespace flam
