#include "color.h"

#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace flam {

namespace {

using Pixel = std::array<uint8_t, 3>;

/// The result of a function for each pixel.
template <class Change>
at::Tensor each_pixel(const at::Tensor& picture, const Change& change) {
  const at::Tensor in = picture.contiguous();
  at::Tensor out = at::empty_like(in);
  const uint8_t* from = in.const_data_ptr<uint8_t>();
  uint8_t* to = out.mutable_data_ptr<uint8_t>();
  for (int64_t i = 0; i < in.numel(); i += 3) {
    const Pixel changed = change({from[i], from[i + 1], from[i + 2]});
    std::copy(changed.begin(), changed.end(), to + i);
  }
  return out;
}

uint8_t clipped(int x) {
  return static_cast<uint8_t>(std::clamp(x, 0, 255));
}

/// Between `grey` and the pixel, or beyond it (src/libImaging/Blend.c).
Pixel blend(const Pixel& pixel, int grey, float factor) {
  Pixel out;
  for (size_t i = 0; i < out.size(); ++i) {
    const float mixed = static_cast<float>(grey) + factor * static_cast<float>(pixel[i] - grey);
    out[i] = static_cast<uint8_t>(std::clamp(mixed, 0.0f, 255.0f));
  }
  return out;
}

/// ITU-R 601-2 luma in 16-bit fixed point (src/libImaging/Convert.c, L24).
int grey_of(const Pixel& pixel) {
  return (pixel[0] * 19595 + pixel[1] * 38470 + pixel[2] * 7471 + 0x8000) >> 16;
}

/// Hue, saturation and value, each 0 to 255 (rgb2hsv_row). float and double as there.
Pixel hsv_of(const Pixel& rgb) {
  const auto [r, g, b] = rgb;
  const int most = std::max({r, g, b}), range = most - std::min({r, g, b});
  if (range == 0) return {0, 0, static_cast<uint8_t>(most)};
  const auto chroma = static_cast<float>(range);
  const float saturation = chroma / static_cast<float>(most);
  const float rc = static_cast<float>(most - r) / chroma, gc = static_cast<float>(most - g) / chroma,
              bc = static_cast<float>(most - b) / chroma;
  float hue = bc - gc;
  if (r != most) hue = static_cast<float>(g == most ? 2.0 + rc - bc : 4.0 + gc - rc);
  hue = static_cast<float>(std::fmod(hue / 6.0 + 1.0, 1.0));
  return {clipped(static_cast<int>(hue * 255.0)), clipped(static_cast<int>(saturation * 255.0)),
          static_cast<uint8_t>(most)};
}

/// hsv2rgb.
Pixel rgb_of(const Pixel& hsv) {
  const auto [h, s, v] = hsv;
  if (s == 0) return {v, v, v};
  const double turned = h * 6.0 / 255.0;
  const int sector = static_cast<int>(turned);
  const auto rest = static_cast<float>(turned - sector);
  const auto saturation = static_cast<float>(s / 255.0);
  const auto part = [value = v](double share) {
    return clipped(static_cast<int>(std::round(value * share)));
  };
  const uint8_t p = part(1.0 - saturation), q = part(1.0 - saturation * rest),
                t = part(1.0 - saturation * (1.0 - rest));
  switch (sector % 6) {
    case 0:
      return {v, t, p};
    case 1:
      return {q, v, p};
    case 2:
      return {p, v, t};
    case 3:
      return {p, q, v};
    case 4:
      return {t, p, v};
    default:
      return {v, p, q};
  }
}

}  // namespace

at::Tensor adjust_brightness(const at::Tensor& picture, float factor) {
  return each_pixel(picture, [&](const Pixel& pixel) { return blend(pixel, 0, factor); });
}

at::Tensor adjust_contrast(const at::Tensor& picture, float factor) {
  const at::Tensor in = picture.contiguous();
  const uint8_t* data = in.const_data_ptr<uint8_t>();
  int64_t sum = 0;
  for (int64_t i = 0; i < in.numel(); i += 3) sum += grey_of({data[i], data[i + 1], data[i + 2]});
  const double mean = static_cast<double>(sum) / static_cast<double>(in.numel() / 3);
  const int grey = static_cast<int>(mean + 0.5);
  return each_pixel(picture, [&](const Pixel& pixel) { return blend(pixel, grey, factor); });
}

at::Tensor adjust_saturation(const at::Tensor& picture, float factor) {
  return each_pixel(picture, [&](const Pixel& pixel) { return blend(pixel, grey_of(pixel), factor); });
}

at::Tensor adjust_hue(const at::Tensor& picture, double share) {
  const auto turn = static_cast<uint8_t>(static_cast<int>(share * 255));  // backwards: modulo 256
  return each_pixel(picture, [&](const Pixel& pixel) {
    Pixel hsv = hsv_of(pixel);
    hsv[0] = static_cast<uint8_t>(hsv[0] + turn);
    return rgb_of(hsv);
  });
}

}  // namespace flam
