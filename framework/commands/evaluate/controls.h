#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "framework/component/dataset.h"

namespace flam {

/// The same task without its pictures and media markers. The calibration is removed, because it would
/// subtract the same prompt.
Task without_pictures(Task task, const std::string& marker);

/// The index of the record whose picture record `index` gets in the control `swapped`: drawn with a fixed
/// seed among the records with another picture. nullopt if there is none.
std::optional<int64_t> swap_partner(const Dataset& dataset, int64_t index, const Request& request);

/// The request with the pictures and videos of another one in the place of its own.
Request with_media_of(Request request, const Request& other);

}  // namespace flam
