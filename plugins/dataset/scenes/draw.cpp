#include "plugins/dataset/scenes/draw.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <opencv2/imgproc.hpp>

#include "framework/sdk.h"

namespace flam {
namespace {

using Contour = std::vector<cv::Point>;

constexpr int kSubpixelBits = 4;  // OpenCV draws points in fixed point, here sixteenths of a pixel
constexpr int kRoundCorners = 40;

constexpr std::array<std::array<int, 3>, 8> kPaint{{
    {215, 35, 35},    // red
    {40, 160, 60},    // green
    {40, 80, 215},    // blue
    {235, 215, 40},   // yellow
    {145, 50, 175},   // purple
    {240, 130, 25},   // orange
    {242, 242, 242},  // white
    {22, 22, 22},     // black
}};

class Outline {
 public:
  explicit Outline(const SceneObject& object)
      : object_(object), cos_(std::cos(object.angle)), sin_(std::sin(object.angle)) {}

  /// A point relative to the centre, in units of the radius, with y up.
  cv::Point at(double u, double v) const {
    const double scale = object_.radius * (1 << kSubpixelBits), half = 0.5 * (1 << kSubpixelBits);
    const double x = object_.x * (1 << kSubpixelBits) + scale * (cos_ * u - sin_ * v) - half;
    const double y = object_.y * (1 << kSubpixelBits) - scale * (sin_ * u + cos_ * v) - half;
    return {static_cast<int>(std::lround(x)), static_cast<int>(std::lround(y))};
  }

  /// Corners alternately on two circles, the first at the top: a star, or with equal radii a regular polygon.
  Contour around(int corners, double outer, double inner) const {
    Contour contour;
    for (int i = 0; i < corners; ++i) {
      const double turn = 2 * std::numbers::pi * i / corners, reach = i % 2 == 0 ? outer : inner;
      contour.push_back(at(reach * std::sin(turn), reach * std::cos(turn)));
    }
    return contour;
  }

  std::vector<Contour> contours() const {
    switch (object_.shape) {
      case Shape::circle:
        return {around(kRoundCorners, 0.95, 0.95)};
      case Shape::ring:
        return {around(kRoundCorners, 1.0, 1.0), around(kRoundCorners, 0.55, 0.55)};
      case Shape::star:
        return {around(10, 1.1, 0.45)};
      case Shape::square:
        return {{at(-0.8, -0.8), at(0.8, -0.8), at(0.8, 0.8), at(-0.8, 0.8)}};
      case Shape::triangle:
        return {{at(0, 1.0), at(0.95, -0.75), at(-0.95, -0.75)}};
      case Shape::cross: {
        const double a = 0.32, b = 1.0;
        return {{at(-a, b), at(a, b), at(a, a), at(b, a), at(b, -a), at(a, -a), at(a, -b), at(-a, -b),
                 at(-a, -a), at(-b, -a), at(-b, a), at(-a, a)}};
      }
    }
    return {};
  }

 private:
  const SceneObject& object_;
  double cos_, sin_;
};

void fill(cv::Mat& picture, const SceneObject& object, const cv::Scalar& paint) {
  cv::fillPoly(picture, Outline(object).contours(), paint, cv::LINE_AA, kSubpixelBits);
}

/// Adds a gradient of brightness across the picture, and noise to each value.
void light_and_noise(cv::Mat& picture, Random& random) {
  const float gain = static_cast<float>(random.uniform(0.85, 1.1));
  const float across = static_cast<float>(random.uniform(-0.15, 0.15) / picture.cols);
  const float down = static_cast<float>(random.uniform(-0.15, 0.15) / picture.rows);
  const float noise = static_cast<float>(random.uniform(0.0, 16.0) / 255);
  const float middle = 255 * noise;  // the sum of two random bytes is 255 on average
  const int middle_x = picture.cols / 2, middle_y = picture.rows / 2;
  for (int y = 0; y < picture.rows; ++y) {
    uint8_t* row = picture.ptr<uint8_t>(y);
    for (int x = 0; x < picture.cols; ++x) {
      const float light =
          gain + across * static_cast<float>(x - middle_x) + down * static_cast<float>(y - middle_y);
      uint64_t bits = random.next();
      for (int c = 0; c < 3; ++c, bits >>= 16) {
        const float sum = static_cast<float>((bits & 255) + ((bits >> 8) & 255));
        const float value = light * row[3 * x + c] + noise * sum - middle;
        row[3 * x + c] = static_cast<uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f));
      }
    }
  }
}

}  // namespace

cv::Mat draw_scene(const Scene& scene) {
  Random random(scene.seed ^ 0xd7a3u);
  const double grey = random.uniform(95, 160);
  const auto tinted = [&](double value, double spread) { return value + random.uniform(-spread, spread); };
  cv::Scalar ground;
  for (int c = 0; c < 3; ++c) ground[c] = tinted(grey, 14);
  cv::Mat picture(scene.extent, scene.extent, CV_8UC3, ground);
  for (const SceneObject& object : scene.objects) {
    const std::array<int, 3>& paint = kPaint[static_cast<size_t>(object.colour)];
    cv::Scalar hue;
    for (int c = 0; c < 3; ++c) hue[c] = tinted(paint[static_cast<size_t>(c)], 12);
    fill(picture, object, hue);
  }
  light_and_noise(picture, random);
  return picture;
}

std::vector<PatchLabel> label_patches(const Scene& scene, int patch, double min_coverage) {
  const int side = scene.extent / patch;
  std::vector<PatchLabel> labels(static_cast<size_t>(side * side));
  std::vector<double> best(labels.size(), min_coverage);
  cv::Mat mask(side * patch, side * patch, CV_8UC1);
  cv::Mat coverage;
  for (const SceneObject& object : scene.objects) {
    mask.setTo(0);
    fill(mask, object, cv::Scalar(255));
    cv::resize(mask, coverage, cv::Size(side, side), 0, 0, cv::INTER_AREA);
    const int column = std::min(static_cast<int>(object.x) / patch, side - 1);
    const int row = std::min(static_cast<int>(object.y) / patch, side - 1);
    const size_t centre = static_cast<size_t>(row) * side + column;
    for (size_t i = 0; i < labels.size(); ++i) {
      const double share = i == centre ? 2.0 : coverage.data[i] / 255.0;
      if (share < best[i]) continue;
      best[i] = share;
      const auto label = [](auto attribute) { return static_cast<uint8_t>(static_cast<int>(attribute) + 1); };
      labels[i] = {label(object.shape), label(object.colour), label(object.size), uint8_t{i == centre}};
      if (i != centre) continue;
      const auto quarter = [&](double place, int cell) {
        const int q = static_cast<int>((place / patch - cell) * kCentreQuarters);
        return static_cast<uint8_t>(1 + std::clamp(q, 0, kCentreQuarters - 1));
      };
      labels[i].centre_column = quarter(object.x, column);
      labels[i].centre_row = quarter(object.y, row);
    }
  }
  return labels;
}

}  // namespace flam
