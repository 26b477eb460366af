#pragma once
#include "framework/component/vision_backbone.h"
#include "framework/recipe/run_config.h"
#include "framework/recipe/run_options.h"

namespace flam {

/// Fills `store`, in which only the backbone has declared its tensors, from the run's weights files, in
/// float32. Tensors of other components are ignored, and a file whose layout has no rule for the backbone is
/// not opened. Error: the backbone's tensors are in no file, or a file can't be read.
void load_backbone(const RunConfig& config, const RunOptions& options, const VisionBackbone& backbone,
                   at::Device device, WeightStore& store);

}  // namespace flam
