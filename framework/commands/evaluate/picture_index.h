#pragma once
// The pictures of a dataset as vectors, to find those that are like another picture.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "framework/component/dataset.h"
#include "framework/session/session.h"

namespace flam {

/// A vector of the backbone's features for the last picture of each record: the class token, or else the mean
/// of the patches, of length 1. As in RICES (Yang et al. 2022; open-flamingo 2.0.1, eval/rices.py), but with
/// the model's own backbone instead of a CLIP model beside it. The vectors are in memory, or mapped from a
/// file.
class PictureIndex {
 public:
  struct Hooks {
    std::function<void(int64_t done, int64_t total)> progress;
    std::function<bool()> cancelled;
  };

  /// Takes the vectors from `file` if it is of these records and this backbone; else computes them and writes
  /// it, unless the name is empty. Error: a record has no picture, a picture can't be read, or the file is
  /// something else. Interrupted: `cancelled` returned true.
  PictureIndex(const Session& session, const Dataset& records, const std::string& file, const Hooks& hooks);

  /// The records whose pictures are most similar to the last picture of `request`, by cosine, the most
  /// similar one first; `excluded`, in ascending order, are left out. Error: it has no picture, or one that
  /// can't be read.
  std::vector<int64_t> nearest(const Request& request, int64_t count,
                               const std::vector<int64_t>& excluded) const;

 private:
  /// [n,D] float32 on the CPU.
  at::Tensor vectors_of(const std::vector<Request>& requests) const;

  const Session& session_;
  at::Tensor vectors_;  // [N,D] float32
};

}  // namespace flam
