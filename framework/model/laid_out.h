#pragma once
// What a media layout's plans mean for prompts and for the backbone's input.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "framework/component/marked_text.h"
#include "framework/component/media_layout.h"
#include "framework/component/vision_backbone.h"

namespace flam {

/// The text with its k-th media marker replaced by the template text texts[k]. Error: the number of markers
/// is not that of the texts.
FLAM_API MarkedText with_media_texts(const MarkedText& text, std::string_view marker,
                                     std::span<const std::string> texts);

/// Crops for a backbone: pixels float [N,3,S,S] of pictures with these plans, in order. N is the sum of their
/// crops, or with T tile slots, T for each. `shape` is that of the backbone.
FLAM_API VisionInput vision_input(const at::Tensor& pixels, std::span<const MediaPlan> plans,
                                  const MediaLayout& layout, const FeatureShape& shape);

/// Zeros in place of a missing picture: one crop, or all tile slots, with aspect_ratio_id 0.
FLAM_API VisionInput missing_picture(const MediaLayout& layout, int64_t image_size, const FeatureShape& shape,
                                     const at::TensorOptions& options);

}  // namespace flam
