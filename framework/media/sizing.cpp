#include "framework/media/sizing.h"

#include <algorithm>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {

namespace {

void require_positive(const PictureSize& size, int64_t edge) {
  if (size.height >= 1 && size.width >= 1 && edge >= 1) return;
  throw Error(cat("a picture of ", size.width, " x ", size.height, " pixels can't be resized to an edge of ",
                  edge, " pixels: each must be at least 1"));
}

/// `longest` is the new longest edge; the other one follows from the aspect ratio. The width counts as the
/// longest edge of a square.
PictureSize with_longest_edge(const PictureSize& size, int64_t longest) {
  const double aspect_ratio = static_cast<double>(size.width) / static_cast<double>(size.height);
  const auto edge = static_cast<double>(longest);
  if (size.width >= size.height) return {static_cast<int64_t>(edge / aspect_ratio), longest};
  return {longest, static_cast<int64_t>(edge * aspect_ratio)};
}

}  // namespace

PictureSize fit_longest_edge(PictureSize size, int64_t longest_edge, int64_t limit) {
  require_positive(size, std::min(longest_edge, limit));
  const bool wide = size.width >= size.height;
  size = with_longest_edge(size, longest_edge);
  int64_t& other = wide ? size.height : size.width;
  other = std::max<int64_t>(other + other % 2, 1);
  if (std::max(size.height, size.width) <= limit) return size;
  size = with_longest_edge(size, limit);
  return {std::max<int64_t>(size.height, 1), std::max<int64_t>(size.width, 1)};
}

PictureSize round_up_to_tiles(PictureSize size, int64_t tile) {
  require_positive(size, tile);
  const auto round_up = [&](int64_t edge) { return std::max<int64_t>((edge + tile - 1) / tile, 1) * tile; };
  size = with_longest_edge(size, round_up(std::max(size.height, size.width)));
  return {round_up(size.height), round_up(size.width)};
}

}  // namespace flam
