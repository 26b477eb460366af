#include "plugins/dataset/scenes/scene.h"

#include <algorithm>
#include <cmath>

#include "framework/sdk.h"

namespace flam {
namespace {

/// The smallest distance between neighbours when the objects are sorted by one coordinate.
double smallest_step(const std::vector<SceneObject>& objects, double SceneObject::*coordinate) {
  std::vector<double> places;
  for (const SceneObject& object : objects) places.push_back(object.*coordinate);
  std::sort(places.begin(), places.end());
  double smallest = 1e9;
  for (size_t i = 1; i < places.size(); ++i) smallest = std::min(smallest, places[i] - places[i - 1]);
  return smallest;
}

bool is_clear(const std::vector<SceneObject>& objects, int extent) {
  const double middle = extent / 2.0, clear = clear_distance(extent);
  if (objects.size() == 1) {
    return std::max(std::abs(objects[0].x - middle), std::abs(objects[0].y - middle)) >= clear;
  }
  for (size_t i = 0; i < objects.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const double gap = std::hypot(objects[i].x - objects[j].x, objects[i].y - objects[j].y);
      if (gap < objects[i].radius + objects[j].radius + 2) return false;
    }
  }
  return std::max(smallest_step(objects, &SceneObject::x), smallest_step(objects, &SceneObject::y)) >= clear;
}

SceneObject sample_kind(Random& random) {
  return {static_cast<Shape>(random.below(kShapes.size())),
          static_cast<Colour>(random.below(kColours.size())), static_cast<Size>(random.below(kSizes.size()))};
}

SceneObject sample_kind(Random& random, bool wanted_held_out) {
  for (;;) {
    const SceneObject kind = sample_kind(random);
    if (held_out(kind.shape, kind.colour, kind.size) == wanted_held_out) return kind;
  }
}

}  // namespace

Relation opposite(Relation r) {
  constexpr std::array<Relation, 4> kOpposite{Relation::right, Relation::left, Relation::below,
                                              Relation::above};
  return kOpposite[static_cast<size_t>(r)];
}

double distance_along(Relation r, const SceneObject& a, const SceneObject& b) {
  switch (r) {
    case Relation::left:
      return b.x - a.x;
    case Relation::right:
      return a.x - b.x;
    case Relation::above:
      return b.y - a.y;
    case Relation::below:
      return a.y - b.y;
  }
  return 0;
}

double clear_distance(int extent) {
  return 0.12 * extent;
}

bool held_out(Shape shape, Colour colour, Size size) {
  // A diagonal plane through the cube of attributes: one of the eight colours for each shape and size, and at
  // most one of the two sizes for each pair of shape and colour.
  return (3 * static_cast<int>(shape) + static_cast<int>(colour) + 4 * static_cast<int>(size)) % 8 == 5;
}

Scene sample_scene(uint64_t seed, Split split, const SceneOptions& options) {
  Random random(seed ^ (split == Split::test ? 0x7e57000000000000u : 0u));
  Scene scene{seed, options.extent, {}};
  const size_t span = options.max_objects - options.min_objects + 1;
  const size_t count = static_cast<size_t>(options.min_objects) + random.below(span);
  while (scene.objects.size() < count) {
    const bool first = scene.objects.empty();
    const SceneObject kind = split == Split::train ? sample_kind(random, false)
                             : first               ? sample_kind(random, true)
                                                   : sample_kind(random);
    const bool seen = std::any_of(scene.objects.begin(), scene.objects.end(), [&](const SceneObject& other) {
      return other.shape == kind.shape && other.colour == kind.colour;
    });
    if (!seen) scene.objects.push_back(kind);
  }
  for (SceneObject& object : scene.objects) {
    const double share =
        object.size == Size::small ? random.uniform(0.108, 0.122) : random.uniform(0.165, 0.185);
    object.radius = share * options.extent;
    object.angle = random.uniform(-0.2, 0.2);
  }
  for (int attempt = 1;; ++attempt) {
    for (SceneObject& object : scene.objects) {
      object.x = random.uniform(object.radius + 1, options.extent - object.radius - 1);
      object.y = random.uniform(object.radius + 1, options.extent - object.radius - 1);
    }
    if (is_clear(scene.objects, options.extent)) return scene;
    // The picture is too full, so drop one object instead of searching forever. The first object stays,
    // because it decides the split.
    if (attempt % 2000 == 0 && scene.objects.size() > 1) scene.objects.pop_back();
  }
}

Relation reading_direction(const Scene& scene) {
  const std::vector<SceneObject>& objects = scene.objects;
  if (objects.size() == 1) {
    const double dx = objects[0].x - scene.extent / 2.0, dy = objects[0].y - scene.extent / 2.0;
    if (std::abs(dx) >= std::abs(dy)) return dx < 0 ? Relation::left : Relation::right;
    return dy < 0 ? Relation::above : Relation::below;
  }
  const bool across = smallest_step(objects, &SceneObject::x) >= smallest_step(objects, &SceneObject::y);
  return across ? Relation::right : Relation::below;
}

}  // namespace flam
