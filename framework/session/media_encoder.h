#pragma once
// From prompts to the tensors that the model takes.

#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include "framework/model/transform_chain.h"
#include "framework/session/session.h"

namespace flam {

/// Opens pictures, transforms them, and runs backbone and resampler. A distinct picture (by content) is
/// encoded once; the features of the last pictures are kept, so that the shots of a series of requests are
/// encoded once too.
class MediaEncoder {
 public:
  MediaEncoder(const Model& model, const TransformChain& transforms)
      : model_(model), transforms_(transforms) {}

  /// Decodes every picture of a prompt in place. Error: a picture that can't be read.
  void load_pictures(Prompt& prompt, StageTimes* times) const;

  /// pixels and index of the prompts. Rows with fewer media are filled with a picture of zeros (after
  /// normalisation).
  Prepared open(std::span<const Prompt> prompts, StageTimes* times) const;

  void encode(Prepared& prepared, StageTimes* times, Probe* probe) const;

 private:
  Features features_of(const Prepared& prepared) const;
  /// Rows of index [B,T,F] that show the same pictures are resampled once. A probe sees all rows.
  at::Tensor resample_distinct(const Features& features, const at::Tensor& index, Probe* probe) const;

  const Model& model_;
  const TransformChain& transforms_;

  static constexpr size_t kKept = 64;
  struct Kept {
    std::string key;
    at::Tensor tokens;  // [P,D]
  };
  mutable std::mutex mutex_;
  mutable std::list<Kept> kept_;  // newest first
  mutable std::unordered_map<std::string, std::list<Kept>::iterator> by_key_;
};

/// Encodes each prompt, checks that its media markers match its media, and pads on the left.
void encode_rows(std::span<const Prompt> prompts, const Tokenizer& tokenizer, Prepared& prepared);

/// A number for each row that depends on its ids and pictures alone, for sampling.
std::vector<uint64_t> row_seeds(const Prepared& prepared);

/// Decodes without special tokens and cuts at the first stop string.
void finish_text(Hypothesis& hypothesis, const GenerationParams& params, const Tokenizer& tokenizer);

/// Wraps a step model so that "prefill" and "step" are timed; unchanged without `times`.
std::unique_ptr<StepModel> timed(std::unique_ptr<StepModel> model, at::Device device, StageTimes* times);

}  // namespace flam
