#pragma once
// What a row of a batch is made of.

#include <ATen/core/Tensor.h>

#include <string>

#include "framework/component/dataset.h"

namespace flam {

/// Error: the record has no reference to train on.
const std::string& the_reference(const Record& record);

/// What each row sees, [R,T,L,D], of the media tokens of all pictures [P,1,L,D]. `shown`: [R,T], or undefined
/// if every row sees the picture in its place.
at::Tensor media_shown(const at::Tensor& media, const at::Tensor& shown);

}  // namespace flam
