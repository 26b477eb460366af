// Describes scenes in words: captions, questions and their answers, in varied wording.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/dataset/scenes/scene.h"

namespace flam {

/// A caption that names every object with size, colour and shape, and the objects' order (for a single
/// object, its side of the picture). `variant` chooses the wording.
std::string describe_scene(const Scene& scene, uint64_t variant);

enum class QuestionKind : uint8_t {
  colour,     // what colour is the circle?                          red
  shape,      // what shape is the red object?                       circle
  size,       // is the red circle small or large?                   small
  count,      // how many circles are there?                         two
  exists,     // is there a red circle?                              yes
  side,       // is the red circle above the blue star?              no
  direction,  // is the red circle left or right of the blue star?   left
  furthest,   // what colour is the object furthest to the left?     red
};
inline constexpr std::array<std::string_view, 8> kQuestionKinds{"colour", "shape", "size",      "count",
                                                                "exists", "side",  "direction", "furthest"};

struct Question {
  QuestionKind kind;
  std::string text;    // ends with a question mark
  std::string answer;  // one word
};

/// Every possible answer to questions of that kind.
std::vector<std::string> answers_to(QuestionKind kind);

/// A question of that kind and its only correct answer; nullopt if the scene allows none (no two objects to
/// compare, or no clear order). The answers yes and no are equally frequent.
std::optional<Question> ask(const Scene& scene, QuestionKind kind, uint64_t variant);

/// A question of any kind that the scene allows.
Question ask(const Scene& scene, uint64_t variant);

}  // namespace flam
