#pragma once
// The sizes to which pictures are resized before they are cut into square tiles (SmolVLM, Idefics3;
// transformers 5.24, image_processing_idefics3.py).

#include "framework/media/picture.h"

namespace flam {

/// The size with which the longest edge has `longest_edge` pixels, which may also enlarge the picture. The
/// other edge keeps the aspect ratio: truncated to an integer, then raised to an even number, at least 1. If
/// the longest edge is then longer than `limit`, it becomes `limit`, and the other edge again keeps the
/// aspect ratio, truncated, at least 1. Ratios are computed in double. Error: a number below 1.
FLAM_API PictureSize fit_longest_edge(PictureSize size, int64_t longest_edge, int64_t limit = 4096);

/// The size, in whole square tiles of side `tile`, to which a picture of `size` is stretched before it is cut
/// into tiles: the longest edge is raised to a multiple of `tile`; the other edge keeps the aspect ratio with
/// it, truncated to an integer, and is raised to a multiple too. Error: a number below 1.
FLAM_API PictureSize round_up_to_tiles(PictureSize size, int64_t tile);

}  // namespace flam
