#pragma once
// Reads stored files from an experiment's folder, which may come from anybody.

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "framework/base/error.h"

namespace flam {

/// Parses JSON. Throws Error or nlohmann's exception if the text is not JSON, is nested too deeply for the
/// stack, or has objects with too many keys: an ordered object searches linearly for each key.
template <class Tree>
Tree parse_stored(std::string_view text) {
  constexpr size_t kMostKeys = 1000;
  std::vector<size_t> keys;  // of the enclosing objects
  const auto small = [&](int depth, typename Tree::parse_event_t event, Tree&) {
    if (depth > 16) throw Error("nested too deeply for a result");
    if (event == Tree::parse_event_t::object_start) keys.push_back(0);
    if (event == Tree::parse_event_t::object_end) keys.pop_back();
    if (event == Tree::parse_event_t::key && ++keys.back() > kMostKeys)
      throw Error("an object of a result has too many keys");
    return true;
  };
  return Tree::parse(text, small);
}

}  // namespace flam
