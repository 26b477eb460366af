#pragma once
// How `flam compare` reads back what lies in an experiment's folder, which may be anybody's.

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "framework/base/error.h"

namespace flam {

/// Error or nlohmann's exception: no JSON, or a tree that would exhaust the stack or, as an ordered object
/// looks through all of its keys for each, the time.
template <class Tree>
Tree parse_stored(std::string_view text) {
  constexpr size_t kMostKeys = 1000;
  std::vector<size_t> keys;  // of the objects that are open
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

/// A point of a learning curve: {"step", "losses", …}, as a result and a .curve hold it.
bool is_point(const nlohmann::ordered_json& node);

}  // namespace flam
