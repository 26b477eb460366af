#pragma once
// Where each word of an answer looked, and what the answer owes to each shot and picture.

#include <optional>
#include <string>
#include <vector>

#include "framework/commands/explain/recording.h"
#include "framework/media/picture.h"

namespace flam {

/// One picture or frame as the model saw it.
struct SeenPicture {
  std::string name;
  Picture picture;  // after resizing and cropping, before normalisation
};

/// A word of the answer: the tokens from one space to the next.
struct SeenWord {
  std::string text;
  double logprob = 0;  // of its tokens, given all before them
  /// [pictures, grid_h, grid_w] float32: the share of its attention to media that falls on each patch, mean
  /// over heads and layers; undefined where attention is not known.
  at::Tensor looks;
};

/// The same answer after a prompt that lacks something.
struct LeftOut {
  std::string what;
  double logprob = 0;  // of the whole answer
};

struct Explanation {
  std::string prompt, answer;
  double logprob = 0;  // of the whole answer, natural logarithm
  std::vector<SeenPicture> pictures;
  std::vector<SeenWord> words;
  std::vector<LeftOut> left_out;  // each shot, the query's picture, all pictures
  std::string why_no_looks;       // "" if attention is known
};

/// Explains the best answer of an outcome. Media tokens are traced to patches through the resampler's own
/// attention (mean over heads and layers, what latents give to latents and to prefix tokens left aside), or
/// by their place if they form a square. `prompt` is that of the request. Error: the outcome is one.
FLAM_API Explanation explain(const Session& session, const Request& request, const Prompt& prompt,
                             const Outcome& outcome);

/// One page without references to anything outside it.
FLAM_API std::string explanation_page(const Explanation& explanation, const std::string& title);

}  // namespace flam
