#pragma once
// Explains an answer: the attention of each word to the pictures, and how much each shot and picture changes
// the answer's probability.

#include <optional>
#include <string>
#include <vector>

#include "framework/commands/explain/recording.h"
#include "framework/media/picture.h"

namespace flam {

/// A picture or frame as the model gets it.
struct SeenPicture {
  std::string name;
  Picture picture;  // after resizing and cropping, before normalisation
};

/// A word of the answer: all tokens from one space to the next.
struct SeenWord {
  std::string text;
  double logprob = 0;  // log-probability of its tokens, given all previous tokens
  /// [pictures, grid_h, grid_w] float32: the share of the word's attention to media that each patch gets,
  /// averaged over heads and layers; undefined if attention is not available.
  at::Tensor looks;
};

/// The same answer after a prompt from which something was left out.
struct WithoutPart {
  std::string what;
  double logprob = 0;  // log-probability of the whole answer
};

struct Explanation {
  std::string prompt, answer;
  double logprob = 0;  // log-probability of the whole answer (natural logarithm)
  std::vector<SeenPicture> pictures;
  std::vector<SeenWord> words;
  std::vector<WithoutPart> left_out;  // each shot, the query's picture, all pictures
  std::string why_no_looks;           // why words have no `looks`; "" if they do
};

/// Explains the best answer of an outcome; `prompt` is the prompt of the request. Media tokens are mapped to
/// patches with the resampler's own attention (averaged over heads and layers, without the attention to
/// latents and prefix tokens), or by their position if they form a square. Error: the outcome has an error,
/// or no generated answer.
FLAM_API Explanation explain(const Session& session, const Request& request, const Prompt& prompt,
                             const Outcome& outcome);

/// Writes the explanation as a self-contained HTML page.
FLAM_API std::string explanation_page(const Explanation& explanation, const std::string& title);

}  // namespace flam
