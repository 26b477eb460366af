#pragma once
#include <ATen/core/Tensor.h>

#include "framework/base/export.h"

namespace flam {

/// Which keys the queries of a forward may attend to. It is made once, and every layer reads it.
struct FLAM_API AttentionMask {
  /// Bool, broadcastable to [B,H,L,S]: true = attends. A query that may attend to nothing has only true here
  /// and is marked in `blind`. Undefined: every query attends to every key.
  at::Tensor allowed;
  /// [...,L,1] bool: the queries that may attend to nothing. They give the mean of the values, like the
  /// softmax of equal scores. Undefined: there are none.
  at::Tensor blind;
  bool causal = false;  // it is known that every query attends to the keys up to itself, and to no others

  AttentionMask() = default;
  /// From `mask`, bool, broadcastable to [B,H,L,S]; undefined: no mask.
  AttentionMask(const at::Tensor& mask);  // NOLINT(google-explicit-constructor): a tensor is the usual mask
};

}  // namespace flam
