// A scene: a few objects with shape, colour, size and place, sampled from a seed.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace flam {

enum class Shape : uint8_t { circle, square, triangle, star, cross, ring };
enum class Colour : uint8_t { red, green, blue, yellow, purple, orange, white, black };
enum class Size : uint8_t { small, large };

inline constexpr std::array<std::string_view, 6> kShapes{"circle", "square", "triangle",
                                                         "star",   "cross",  "ring"};
inline constexpr std::array<std::string_view, 8> kColours{"red",    "green",  "blue",  "yellow",
                                                          "purple", "orange", "white", "black"};
inline constexpr std::array<std::string_view, 2> kSizes{"small", "large"};

inline std::string_view name(Shape s) {
  return kShapes[static_cast<size_t>(s)];
}
inline std::string_view name(Colour c) {
  return kColours[static_cast<size_t>(c)];
}
inline std::string_view name(Size s) {
  return kSizes[static_cast<size_t>(s)];
}

/// Lengths in pixels of the picture, x to the right and y down; `angle` in radians, a slight tilt.
struct SceneObject {
  Shape shape;
  Colour colour;
  Size size;
  double x = 0, y = 0, radius = 0, angle = 0;
};

struct Scene {
  uint64_t seed = 0;  // also determines light and noise of the picture, and the wording of the texts
  int extent = 0;     // width and height of the picture
  std::vector<SceneObject> objects;
};

enum class Relation : uint8_t { left, right, above, below };
inline constexpr std::array<std::string_view, 4> kRelations{"left", "right", "above", "below"};
inline std::string_view name(Relation r) {
  return kRelations[static_cast<size_t>(r)];
}
Relation opposite(Relation r);

/// The distance of a from b in that direction, in pixels; negative if a is on the other side.
double distance_along(Relation r, const SceneObject& a, const SceneObject& b);
inline bool holds(Relation r, const SceneObject& a, const SceneObject& b) {
  return distance_along(r, a, b) > 0;
}

/// Texts mention a direction only if the distance is at least this large (in pixels).
double clear_distance(int extent);

enum class Split : uint8_t { train, test };

/// Whether an object of this kind is reserved for the test set. Every test picture has at least one such
/// object, and no training picture has any. Every value, and every pair of values of two attributes, occurs
/// in training; only the combination of all three is new in a test.
bool held_out(Shape shape, Colour colour, Size size);

struct SceneOptions {
  int extent = 80;
  int min_objects = 1;
  int max_objects = 4;
};

/// A scene, which depends only on the arguments. Objects never touch. No two have the same shape and colour,
/// so that "the red circle" is unique. Along one axis all objects are clearly apart, so that they can be
/// listed in order. A single object is clearly off the middle.
Scene sample_scene(uint64_t seed, Split split, const SceneOptions& options = {});

/// The axis along which the objects are furthest apart: right for left to right, below for top to bottom.
/// For a single object: its side of the picture.
Relation reading_direction(const Scene& scene);

}  // namespace flam
