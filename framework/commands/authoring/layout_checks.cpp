// Checks for media layouts.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>

#include <algorithm>

#include "framework/base/text.h"
#include "framework/commands/authoring/checks.h"
#include "framework/model/checked.h"

namespace flam {

namespace {

constexpr PictureSize kSizes[] = {{1, 1}, {10, 4096}, {4096, 10}, {48, 64}, {64, 48}, {100, 100}, {480, 640}};
constexpr const char* kMarker = "<image>";

/// The layout, whose calls are checked as in every run.
std::unique_ptr<MediaLayout> open(const Specimen& specimen) {
  const ComponentConfig config = specimen.parse(specimen.node());
  return build_checked<MediaLayout>(specimen.registry, config, {kMarker, /*image_size=*/32});
}

Picture picture_of(const PictureSize& size) {
  const int64_t values = size.height * size.width * 3;
  return {(at::arange(values, at::kLong) % 251).to(at::kByte).view({size.height, size.width, 3})};
}

std::vector<at::Tensor> crops_of(const MediaLayout& layout, const PictureSize& size, bool may_split) {
  std::vector<at::Tensor> crops;
  for (const Picture& crop : layout.crops(picture_of(size), layout.plan(size, may_split)))
    crops.push_back(crop.rgb);
  return crops;
}

bool same(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  return std::ranges::equal(a, b, [](const at::Tensor& x, const at::Tensor& y) { return x.equal(y); });
}

Finding check_plans(const Specimen& specimen) {
  const auto layout = open(specimen);
  int64_t most = 0;
  for (const PictureSize& size : kSizes) {
    for (const bool may_split : {true, false}) {
      const MediaPlan plan = layout->plan(size, may_split);
      layout->text(plan);
      most = std::max(most, plan.crops);
    }
  }
  if (layout->separates_frames()) {
    for (const size_t frames : {1, 3}) {
      Part video{Part::Kind::frames, "", std::vector<PictureSource>(frames)};
      for (size_t i = 0; i < frames; ++i) video.timestamps.push_back(static_cast<double>(i));
      layout->video_text(video);
    }
  }
  return {cat("up to ", most, " crops of ", std::size(kSizes), " sizes of pictures, max_crops() is ",
              layout->max_crops(), "; each text has its media markers")};
}

Finding check_crops(const Specimen& specimen) {
  const auto layout = open(specimen);
  for (const PictureSize& size : kSizes) {
    const Picture picture = picture_of(size);
    layout->crops(picture, layout->plan(size, /*may_split=*/true));
    if (!picture.rgb.equal(picture_of(size).rgb))
      throw Error("changes the picture, which belongs to the caller, in crops()");
    crops_of(*layout, size, /*may_split=*/false);
  }
  return {"as many crops as planned, uint8 [h,w,3]"};
}

Finding check_layout_determinism(const Specimen& specimen) {
  const auto layout = open(specimen), second = open(specimen);
  for (const PictureSize& size : kSizes) {
    const auto text = [&](const MediaLayout& of) { return of.text(of.plan(size, /*may_split=*/true)); };
    const auto crops = crops_of(*layout, size, true);
    if (!same(crops_of(*layout, size, true), crops) || text(*layout) != text(*layout))
      throw Error("gives other crops or another text for the same picture in a second run");
    if (!same(crops_of(*second, size, true), crops) || text(*second) != text(*layout))
      throw Error("a second component with the same parameters gives other crops or another text");
  }
  return {"a second run and a second component give the same crops and texts"};
}

Finding check_layout_threads(const Specimen& specimen) {
  const auto layout = open(specimen);
  std::vector<std::vector<at::Tensor>> expected;
  for (int64_t i = 0; i < 4; ++i) expected.push_back(crops_of(*layout, {60 + i, 80}, true));
  at_once([&](int64_t i) {
    if (!same(crops_of(*layout, {60 + i, 80}, true), expected[static_cast<size_t>(i)]))
      throw Error("gives other crops when other threads use it at the same time");
  });
  return {"4 threads at once get the same results as alone"};
}

}  // namespace

std::vector<Check> media_layout_checks() {
  return {{"plans", check_plans},
          {"crops", check_crops},
          {"determinism", check_layout_determinism},
          {"threads", check_layout_threads}};
}

}  // namespace flam
