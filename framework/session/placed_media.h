#pragma once
#include <cstdint>

namespace flam {

/// What became of one picture or video of a prompt.
struct PlacedMedia {
  int64_t rows = 0, columns = 0;  // of the grid of tiles; 0: not cut
  int64_t crops = 1;              // of a picture
  int64_t frames = 0;             // of a video; 0: it is a picture
  int64_t tokens = 0;             // media tokens that stand for it
};

}  // namespace flam
