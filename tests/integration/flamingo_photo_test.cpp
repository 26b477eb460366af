// flamingo_photo on the photos of docs/images/photos, none of which it was trained on: names, kinds, and
// places.
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "framework/media/decode.h"
#include "framework/media/resize.h"
#include "framework/session/session.h"
#include "tests/cli/run_flam.h"

namespace flam {
namespace {

using test::run_flam;

const std::string kConfigs = FLAM_SOURCE_DIR "/configs/flamingo_photo";

Picture photo(const std::string& name) {
  return load_picture({.path = FLAM_SOURCE_DIR "/docs/images/photos/" + name + ".jpg"}, {});
}

Request request(Picture picture, const std::string& question = "") {
  Request out;
  PictureSource source;
  source.picture = std::move(picture);
  out.parts.push_back({Part::Kind::image, "", {std::move(source)}});
  if (!question.empty()) out.parts.push_back({Part::Kind::text, question, {}});
  return out;
}

Picture mirrored(const Picture& picture) {
  return {picture.rgb.flip({1}).contiguous()};
}
/// The middle, four fifths of each side.
Picture middle(const Picture& picture) {
  const int64_t height = picture.height() * 4 / 5, width = picture.width() * 4 / 5;
  return {picture.rgb.narrow(0, (picture.height() - height) / 2, height)
              .narrow(1, (picture.width() - width) / 2, width)
              .contiguous()};
}
/// The picture's middle square, small, on the left or on the right of grey.
Picture pasted(const Picture& picture, bool on_the_left) {
  const int64_t side = std::min(picture.height(), picture.width());
  const at::Tensor square = picture.rgb.narrow(0, (picture.height() - side) / 2, side)
                                .narrow(1, (picture.width() - side) / 2, side)
                                .contiguous();
  at::Tensor canvas = at::full({256, 256, 3}, 128, at::kByte);
  canvas.narrow(0, 72, 112)
      .narrow(1, on_the_left ? 18 : 126, 112)
      .copy_(resize_like_pillow(square, 112, 112, Interpolation::bicubic));
  return {canvas};
}

struct Case {
  Request request;
  std::string expected;  // what the answer must contain; a "yes" or "no" must be all of it
};

/// How many of the answers are right. Prints the others.
int right_answers(const std::string& config, const std::vector<Case>& cases) {
  const auto session = Session::open(config);
  int right = 0;
  for (const auto& [request, expected] : cases) {
    const std::string answer = session->answer(request).answer.front().second;
    if (answer == expected || (expected.size() > 3 && answer.find(expected) != std::string::npos)) {
      ++right;
    } else {
      std::printf("expected '%s', found '%s'\n", expected.c_str(), answer.c_str());
    }
  }
  return right;
}

TEST(FlamingoPhoto, NamesWhatPhotosShow) {
  std::vector<Case> cases;
  for (const auto& [name, kind] :
       {std::pair{"chelsea", "a kind of cat"}, {"coffee", "espresso"}, {"raccoon", "carnivore"}}) {
    for (const Picture& picture : {photo(name), mirrored(photo(name)), middle(photo(name))})
      cases.push_back({request(picture), kind});
  }
  EXPECT_GE(right_answers("flamingo_photo_caption", cases), 8);
}

TEST(FlamingoPhoto, AnswersQuestionsAboutKinds) {
  std::vector<Case> cases;
  for (const auto& [name, yes, no] : {std::tuple{"chelsea", "cat", "dog"},
                                      {"chelsea", "mammal", "bird"},
                                      {"coffee", "drink", "mammal"},
                                      {"coffee", "drink", "vehicle"},
                                      {"raccoon", "mammal", "fish"},
                                      {"raccoon", "carnivore", "tool"}}) {
    cases.push_back({request(photo(name), std::string("is it a ") + yes + "?"), "yes"});
    cases.push_back({request(photo(name), std::string("is it a ") + no + "?"), "no"});
  }
  EXPECT_GE(right_answers("flamingo_photo_vqa", cases), 11);
}

TEST(FlamingoPhoto, SaysWhereSomethingIs) {
  std::vector<Case> cases;
  for (const auto& [name, what] :
       {std::pair{"chelsea", "cat"}, {"coffee", "espresso"}, {"raccoon", "carnivore"}}) {
    for (const bool left : {true, false}) {
      cases.push_back({request(pasted(photo(name), left), std::string("where is the ") + what + "?"),
                       left ? "on the left" : "on the right"});
    }
  }
  EXPECT_GE(right_answers("flamingo_photo_vqa", cases), 5);
}

TEST(FlamingoPhoto, ChoosesAmongCandidates) {
  const std::string cat = "infer flamingo_photo_ranking " FLAM_SOURCE_DIR "/docs/images/photos/chelsea.jpg";
  EXPECT_EQ(run_flam(cat + " --candidate 'a dog' --candidate 'a cat'").out, "a cat\n");
}

TEST(FlamingoPhoto, PicturesOfNothingAreAnsweredWithLittleConfidence) {
  const auto session = Session::open("flamingo_photo_caption");
  at::Tensor noise = at::empty({300, 300, 3}, at::kByte);
  uint32_t state = 1;
  for (int64_t i = 0; i < noise.numel(); ++i) {
    state = state * 1664525 + 1013904223;
    noise.mutable_data_ptr<uint8_t>()[i] = static_cast<uint8_t>(state >> 24);
  }
  for (const at::Tensor& pixels :
       {at::full({300, 300, 3}, 255, at::kByte), at::zeros({1, 1, 3}, at::kByte), noise}) {
    const Outcome outcome = session->answer(request({pixels}));
    ASSERT_TRUE(outcome.confidence().has_value());
    EXPECT_LT(*outcome.confidence(), 0.4) << outcome.answer.front().second;
  }
}

TEST(FlamingoPhoto, FitsTwentyMegabytes) {
  EXPECT_LE(std::filesystem::file_size(kConfigs + "/flamingo_photo.safetensors"), 20'000'000u);
}

}  // namespace
}  // namespace flam
