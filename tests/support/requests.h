#pragma once
#include <string>

#include "framework/base/error.h"
#include "framework/component/types.h"
#include "tests/support/scratch.h"

namespace flam {

using test::error_of;

inline Part text_part(const std::string& text) {
  return {Part::Kind::text, text, {}};
}
inline Part image_part(const std::string& path) {
  return {Part::Kind::image, "", {PictureSource{path}}};
}
inline Part frames_part(const std::vector<std::string>& paths) {
  Part part{Part::Kind::frames};
  for (const auto& path : paths) part.pictures.push_back(PictureSource{path});
  return part;
}

inline Result result_with(const std::string& text) {
  Result result;
  result.hypotheses.emplace_back().text = text;
  return result;
}

}  // namespace flam
