#include "framework/model/laid_out.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {

MarkedText with_media_texts(const MarkedText& text, std::string_view marker,
                            std::span<const std::string> texts) {
  const std::vector<size_t> places = text.find_all(marker);
  if (places.size() != texts.size()) {
    throw Error(cat("a prompt has ", places.size(), " media markers ", quoted(std::string(marker)), " for ",
                    texts.size(), " pictures or videos"));
  }
  MarkedText out;
  size_t from = 0;
  for (size_t i = 0; i < places.size(); ++i) {
    out += text.slice(from, places[i]) + template_text(texts[i]);
    from = places[i] + marker.size();
  }
  return out += text.slice(from, text.str().size());
}

namespace {

/// [N,grid_h,grid_w] bool: the patches that show a picture, wholly or in part. Undefined if all do.
at::Tensor patch_mask_of(std::span<const MediaPlan> plans, int64_t slots, int64_t crops, int64_t image_size,
                         const FeatureShape& shape) {
  if (std::ranges::all_of(plans, [](const MediaPlan& plan) { return plan.shown.empty(); })) return {};
  // Pixels beyond the last whole patch are ignored, so a patch has image_size / grid pixels, rounded down.
  const auto patches = [&](int64_t pixels, int64_t grid) {
    const int64_t patch = std::max<int64_t>(1, image_size / grid);
    return std::clamp<int64_t>((pixels + patch - 1) / patch, 1, grid);
  };
  at::Tensor mask = at::ones({crops, shape.grid_h, shape.grid_w}, at::kBool);
  int64_t first = 0;
  for (const MediaPlan& plan : plans) {
    for (size_t i = 0; i < plan.shown.size(); ++i) {
      const at::Tensor of_crop = mask.select(0, first + static_cast<int64_t>(i)).fill_(false);
      of_crop.narrow(0, 0, patches(plan.shown[i].height, shape.grid_h))
          .narrow(1, 0, patches(plan.shown[i].width, shape.grid_w))
          .fill_(true);
    }
    first += slots > 1 ? slots : plan.crops;
  }
  return mask;
}

}  // namespace

VisionInput vision_input(const at::Tensor& pixels, std::span<const MediaPlan> plans,
                         const MediaLayout& layout, const FeatureShape& shape) {
  VisionInput input(pixels);
  const int64_t slots = layout.tile_slots();
  input.patch_mask = patch_mask_of(plans, slots, pixels.size(0), pixels.size(2), shape);
  if (slots == 1) return input;
  const auto groups = std::ssize(plans);
  input.tile_mask = at::zeros({groups, slots}, at::kBool);
  input.aspect_ratio_ids = at::empty({groups}, at::kLong);
  for (int64_t group = 0; group < groups; ++group) {
    const MediaPlan& plan = plans[static_cast<size_t>(group)];
    input.tile_mask.select(0, group).narrow(0, 0, plan.crops).fill_(true);
    input.aspect_ratio_ids.select(0, group).fill_(plan.aspect_ratio_id);
  }
  return input;
}

VisionInput missing_picture(const MediaLayout& layout, int64_t image_size, const FeatureShape& shape,
                            const at::TensorOptions& options) {
  const MediaPlan nothing;
  const at::Tensor pixels =
      at::zeros({layout.tile_slots(), 3, image_size, image_size}, options.dtype(at::kFloat));
  return vision_input(pixels, {&nothing, 1}, layout, shape).to(pixels.device(), at::kFloat);
}

}  // namespace flam
