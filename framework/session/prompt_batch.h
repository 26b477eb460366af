#pragma once
// Turns prompts into the tensors that the model takes.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "framework/component/tokenizer.h"
#include "framework/model/model.h"
#include "framework/session/placed_media.h"

namespace flam {

/// Token rows and media of a batch of prompts, ready for the model.
struct Prepared {
  Batch batch;
  std::vector<MarkedText> texts;                // of each row, with a media marker for each medium
  std::vector<std::vector<PlacedMedia>> media;  // of each row, for each picture or video
  std::vector<std::string> contents;            // of the N distinct crops; "": zeros in place of a picture
  at::Tensor features;                          // [N,P,D] of them
  at::Tensor pixels;                            // [N,3,H,W] float32 of them, if they were asked for
  at::Tensor index;                        // [B,T,F] int64 into them, T: all media, with S tile slots the
                                           // slots of all; undefined without media
  at::Tensor frames;                       // [B,T] int64: how many of the F are really there
  std::vector<std::vector<int64_t>> rows;  // ids of each row, without padding
  /// After PromptContext::put_before(): what that context's pictures are, in order. `texts`, `media` and
  /// `rows` include the context; `batch` and the pictures above don't.
  std::vector<std::string> kept_contents;
};

/// Encodes the text of each row, checks that its media markers match its media, and pads on the left. Error:
/// the numbers differ, or a row does not follow batch.kept.
void encode_rows(const Model& model, Prepared& prepared);

/// A number for each row that depends on its ids and pictures alone, for sampling.
FLAM_API std::vector<uint64_t> row_seeds(const Prepared& prepared);

}  // namespace flam
