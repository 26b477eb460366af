#include "framework/media/frame_sampling.h"

#include <algorithm>
#include <cmath>

namespace flam {

namespace {

/// `count` numbers from 0 to total − 1, as numpy.unique(numpy.linspace(0, total − 1, count, dtype=int)).
std::vector<int64_t> spread(int64_t total, int64_t count) {
  if (count == 1) return {0};
  const double step = static_cast<double>(total - 1) / static_cast<double>(count - 1);
  std::vector<int64_t> out;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t number =
        i + 1 == count ? total - 1 : static_cast<int64_t>(std::floor(static_cast<double>(i) * step));
    if (out.empty() || number > out.back()) out.push_back(number);
  }
  return out;
}

}  // namespace

std::vector<int64_t> sampled_frames(const FrameSampling& sampling, int64_t total, double duration,
                                    const std::vector<int64_t>& keys) {
  int64_t most = std::clamp<int64_t>(sampling.frames.value_or(kMostFrames), 1, kMostFrames);
  if (sampling.fps) {
    const double wanted = std::nearbyint(*sampling.fps * duration);  // halves to even, as Python rounds
    most = static_cast<int64_t>(std::clamp(wanted, 1.0, static_cast<double>(most)));
  }
  if (!sampling.key_frames) return spread(total, most);
  if (keys.empty()) return {0};
  std::vector<int64_t> out;
  for (const int64_t i : spread(std::ssize(keys), std::min(most, std::ssize(keys)))) out.push_back(keys[i]);
  return out;
}

}  // namespace flam
