// Scenes as pictures, and what each patch of a picture shows.
#pragma once

#include <cstdint>
#include <opencv2/core/mat.hpp>
#include <vector>

#include "plugins/dataset/scenes/scene.h"

namespace flam {

/// An antialiased RGB picture, 8-bit, extent × extent × 3. Background, light (a slope of brightness), hues
/// and noise vary with the seed of the scene.
cv::Mat draw_scene(const Scene& scene);

/// What one patch shows: 1 + the attribute's index of the object that covers most of it, or 0 for background.
struct PatchLabel {
  uint8_t shape = 0, colour = 0, size = 0;
  uint8_t centre = 0;  // 1 in the one patch that holds the object's centre
  // 1 + which quarter of the patch's width and height the centre lies in; 0: the centre is not here.
  uint8_t centre_column = 0, centre_row = 0;
};
inline constexpr int kCentreQuarters = 4;

/// Labels of all patches, row by row (extent / patch to a side). A patch shows an object that covers at least
/// `min_coverage` of it, and in any case if it holds its centre.
std::vector<PatchLabel> label_patches(const Scene& scene, int patch, double min_coverage = 0.2);

}  // namespace flam
