#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "framework/component/adapter.h"

namespace flam {

/// The beginning of a prompt after the decoder has run it. Many prompts may follow it, in several threads. It
/// has S positions: its tokens, and the media that the adapter has put among them.
struct KeptPrompt {
  std::vector<int64_t> ids;
  at::Tensor keys_values;                 // [layers,2,1,H,S,d] of the decoder
  at::Tensor media_locations;             // [1,S] bool, as in Sequence
  at::Tensor media;                       // [1,T,L,D'] media tokens of its T media; undefined if T is 0
  std::unique_ptr<AdapterState> adapter;  // of these media

  int64_t positions() const { return keys_values.size(4); }
};

}  // namespace flam
