// Checks whether a caption is true of a scene, whatever its wording.
#pragma once

#include <string_view>

#include "plugins/dataset/scenes/scene.h"

namespace flam {

struct Truth {
  int stated = 0;         // attributes that the caption states: sizes, colours, shapes, relations, sides
  int expected = 0;       // attributes that every caption of the grammar states for this scene
  bool all_true = false;  // false also if nothing is stated or a word is not understood
};

/// The phrases must match different objects of the scene such that all attributes and relations hold. The
/// number of objects ("three objects …") is checked too, but does not count as an attribute.
Truth check_caption(std::string_view caption, const Scene& scene);

}  // namespace flam
