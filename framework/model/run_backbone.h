#pragma once
#include "framework/component/vision_backbone.h"
#include "framework/model/border.h"

namespace flam {

/// Calls the backbone through its `border`: N pictures → features [N,P,D] of the shape that it announced, in
/// the dtype and on the device of the pixels.
Features run_backbone(const VisionBackbone& backbone, const Border& border, const VisionInput& input);

}  // namespace flam
