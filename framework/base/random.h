// Random numbers that are the same on every platform, unlike the distributions of <random>.
#pragma once

#include <cstddef>
#include <cstdint>

namespace flam {

/// splitmix64: one 64-bit word of state. Every seed is good, and streams of neighbouring seeds are unrelated.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  /// An integer in [0, n); for small n, the bias of the product is below 2^-50.
  size_t below(size_t n) { return static_cast<size_t>(uniform() * static_cast<double>(n)); }
  /// A real number in [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  bool chance(double probability) { return uniform() < probability; }

  template <class Container>
  const auto& pick(const Container& choices) {
    return choices[below(choices.size())];
  }

 private:
  uint64_t state_;
};

}  // namespace flam
