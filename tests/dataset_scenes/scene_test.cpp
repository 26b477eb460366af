#include "plugins/dataset/scenes/scene.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <set>
#include <tuple>

#include "plugins/dataset/scenes/draw.h"

namespace flam {
namespace {

using Kind = std::tuple<Shape, Colour, Size>;
Kind kind(const SceneObject& object) {
  return {object.shape, object.colour, object.size};
}

TEST(Scene, DependsOnSeedAndSplitOnly) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Scene a = sample_scene(seed, Split::train), b = sample_scene(seed, Split::train);
    ASSERT_EQ(a.objects.size(), b.objects.size());
    for (size_t i = 0; i < a.objects.size(); ++i) {
      EXPECT_EQ(kind(a.objects[i]), kind(b.objects[i]));
      EXPECT_EQ(a.objects[i].x, b.objects[i].x);
    }
    EXPECT_EQ(cv::norm(draw_scene(a), draw_scene(b), cv::NORM_INF), 0);
  }
}

TEST(Scene, TrainAndTestShareNoCombination) {
  std::set<Kind> trained;
  for (uint64_t seed = 0; seed < 5000; ++seed) {
    for (const SceneObject& object : sample_scene(seed, Split::train).objects) trained.insert(kind(object));
  }
  for (uint64_t seed = 0; seed < 5000; ++seed) {
    const Scene scene = sample_scene(seed, Split::test);
    const bool has_new =
        std::any_of(scene.objects.begin(), scene.objects.end(),
                    [&](const SceneObject& object) { return !trained.contains(kind(object)); });
    EXPECT_TRUE(has_new) << seed;
  }
  EXPECT_EQ(trained.size(), 84u);  // 12 of the 96 are kept for the test
}

TEST(Scene, EveryPairOfValuesIsTrained) {
  std::set<std::pair<Shape, Colour>> shape_colour;
  std::set<std::pair<Shape, Size>> shape_size;
  std::set<std::pair<Colour, Size>> colour_size;
  for (uint64_t seed = 0; seed < 5000; ++seed) {
    for (const SceneObject& o : sample_scene(seed, Split::train).objects) {
      shape_colour.insert({o.shape, o.colour});
      shape_size.insert({o.shape, o.size});
      colour_size.insert({o.colour, o.size});
    }
  }
  EXPECT_EQ(shape_colour.size(), 48u);
  EXPECT_EQ(shape_size.size(), 12u);
  EXPECT_EQ(colour_size.size(), 16u);
}

TEST(Scene, ObjectsLieInsideApartAndAreUnique) {
  std::array<int, 5> counts{};
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    const Scene scene = sample_scene(seed, Split::train);
    ++counts[scene.objects.size()];
    std::set<std::pair<Shape, Colour>> names;
    for (const SceneObject& a : scene.objects) {
      EXPECT_TRUE(names.insert({a.shape, a.colour}).second);
      EXPECT_GE(std::min(a.x, a.y), a.radius);
      EXPECT_LE(std::max(a.x, a.y), scene.extent - a.radius);
      for (const SceneObject& b : scene.objects) {
        if (&a == &b) continue;
        EXPECT_GE(std::hypot(a.x - b.x, a.y - b.y), a.radius + b.radius);
      }
    }
  }
  for (size_t n = 1; n <= 4; ++n) EXPECT_GT(counts[n], 500) << n;
}

TEST(Draw, PicturesDifferBySeed) {
  const cv::Mat first = draw_scene(sample_scene(1, Split::train));
  EXPECT_EQ(first.size(), cv::Size(80, 80));
  EXPECT_EQ(first.type(), CV_8UC3);
  for (uint64_t seed = 2; seed < 50; ++seed) {
    EXPECT_GT(cv::norm(first, draw_scene(sample_scene(seed, Split::train)), cv::NORM_INF), 20);
  }
}

TEST(Draw, PatchesAreLabelledWithTheirObject) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Scene scene = sample_scene(seed, Split::train);
    const std::vector<PatchLabel> labels = label_patches(scene, 10);
    ASSERT_EQ(labels.size(), 64u);
    size_t centres = 0;
    for (const PatchLabel& label : labels) centres += label.centre;
    EXPECT_EQ(centres, scene.objects.size());
    for (const SceneObject& object : scene.objects) {
      const PatchLabel& label =
          labels[static_cast<size_t>(object.y) / 10 * 8 + static_cast<size_t>(object.x) / 10];
      EXPECT_EQ(label.shape, 1 + static_cast<int>(object.shape));
      EXPECT_EQ(label.colour, 1 + static_cast<int>(object.colour));
      EXPECT_EQ(label.size, 1 + static_cast<int>(object.size));
      // The label's quarter is where the centre is, to half a quarter.
      const double column = std::floor(object.x / 10), row = std::floor(object.y / 10);
      EXPECT_NEAR(10 * column + 2.5 * (label.centre_column - 0.5), object.x, 1.25 + 1e-9);
      EXPECT_NEAR(10 * row + 2.5 * (label.centre_row - 0.5), object.y, 1.25 + 1e-9);
    }
    for (const PatchLabel& label : labels) {
      EXPECT_EQ(label.centre_column > 0, label.centre != 0);
      EXPECT_EQ(label.centre_row > 0, label.centre != 0);
    }
  }
}

}  // namespace
}  // namespace flam
