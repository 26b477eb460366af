// Draws scenes as pictures, and labels what each patch of a picture shows.
#pragma once

#include <cstdint>
#include <opencv2/core/mat.hpp>
#include <vector>

#include "plugins/dataset/scenes/scene.h"

namespace flam {

/// An antialiased 8-bit RGB picture, extent × extent × 3. Background, light (a gradient of brightness), hues
/// and noise depend on the seed of the scene.
cv::Mat draw_scene(const Scene& scene);

/// The labels of one patch: 0 for background, 1 + the attribute's index of the object that covers most.
struct PatchLabel {
  uint8_t shape = 0, colour = 0, size = 0;
  uint8_t centre = 0;  // 1 if the object's centre is in this patch
  // 1 + the quarter of the patch's width and height that contains the centre; 0: the centre is not here.
  uint8_t centre_column = 0, centre_row = 0;
};
inline constexpr int kCentreQuarters = 4;

/// Labels of all patches, row by row (extent / patch per side). A patch shows an object if the object covers
/// at least `min_coverage` of it, or if the object's centre is in it.
std::vector<PatchLabel> label_patches(const Scene& scene, int patch, double min_coverage = 0.2);

}  // namespace flam
