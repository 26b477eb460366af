#include "framework/recipe/picture_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/config/config.h"
#include "framework/session/session.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::AllOf;
using testing::HasSubstr;

DecodeOptions parsed(const std::string& yaml) {
  ErrorList errors;
  const DecodeOptions options = parse_pictures(parse_yaml(yaml, "x.yaml"), errors);
  errors.throw_if_any();
  return options;
}

TEST(PictureConfig, ParsesBackgroundAndOrientation) {
  EXPECT_EQ(parsed("{}"), DecodeOptions{});
  EXPECT_EQ(parsed("{background: null, orientation: apply}"), DecodeOptions{});
  const DecodeOptions chosen = parsed("{background: [255, 0, 7], orientation: ignore}");
  EXPECT_EQ(chosen.orientation, DecodeOptions::Orientation::ignore);
  ASSERT_TRUE(chosen.background);
  EXPECT_EQ(*chosen.background, (std::array<uint8_t, 3>{255, 0, 7}));
}

TEST(PictureConfig, ResolvedOptionsParseToTheSame) {
  for (const char* yaml : {"{}", "{background: [255, 0, 7], orientation: ignore}"}) {
    const DecodeOptions options = parsed(yaml);
    EXPECT_EQ(parsed(write_yaml(resolved_pictures(options))), options) << yaml;
  }
}

TEST(PictureConfig, MessagesNameTheMistake) {
  for (const char* yaml : {"background: [0, 0]", "background: [0, 0, 256]", "background: [0, 0, -1]",
                           "background: [0, 0, 0.5]", "background: white", "background: {r: 1}"}) {
    EXPECT_THAT(error_of([&] { parsed(yaml); }),
                AllOf(HasSubstr("x.yaml:1:13: "), HasSubstr("null or [red, green, blue]")))
        << yaml;
  }
  EXPECT_THAT(error_of([] { parsed("orientation: upright"); }),
              AllOf(HasSubstr("x.yaml:1:14"), HasSubstr("ignore")));
  EXPECT_THAT(error_of([] { parsed("backgruond: null"); }), HasSubstr("did you mean 'background'?"));
}

// The options reach the model: they change the answers to a rotated picture and to a transparent one.
TEST(PictureConfig, AppliesToEveryPictureOfASession) {
  const std::string folder = FLAM_SOURCE_DIR "/tests/media/pictures/";
  const auto caption = [&](const std::string& picture, const std::vector<std::string>& settings) {
    return Session::open("flamingo_mini_caption", {.overrides = settings})
        ->answer(picture_request(folder + picture))
        .answer.front()
        .second;
  };
  const std::string right =
      "from left to right: a large red square, a small blue ring and a small purple star";
  EXPECT_EQ(caption("xmp_before_exif6.jpg", {}), right);
  EXPECT_NE(caption("xmp_before_exif6.jpg", {"pictures.orientation=ignore"}), right);
  EXPECT_NE(caption("transparent.png", {}), right);
  EXPECT_EQ(caption("transparent.png", {"pictures.background=[128, 128, 128]"}), right);
}

}  // namespace
}  // namespace flam
