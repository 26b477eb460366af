#pragma once
// From prompts to the tensors that the model takes.

#include <exception>
#include <string>

#include "framework/device/stage_times.h"
#include "framework/media/decode_options.h"
#include "framework/model/model.h"
#include "framework/model/transform_chain.h"
#include "framework/session/picture_loader.h"
#include "framework/session/prompt_batch.h"

namespace flam {

/// How the pictures of a batch are loaded.
struct MediaOptions {
  StageTimes* times = nullptr;  // "decode", "transform", "vision"
  bool with_pixels = false;     // keep what the backbone was given
};

/// The distinct pictures of some prompts, encoded.
struct EncodedMedia {
  std::vector<std::string> contents;  // of each picture, see LoadedPicture
  std::vector<at::Tensor> features;   // [P,D] of each
  std::vector<at::Tensor> pixels;     // float32 [3,S,S] of each, if they were asked for
  /// Of each prompt, medium and frame: which picture. −1 where it could not be loaded.
  std::vector<std::vector<std::vector<int64_t>>> places;
  std::vector<std::exception_ptr> errors;  // of each prompt: why it can't be run; null if it can
};

/// Loads pictures, runs the backbone and the resampler. A distinct picture is encoded once; the features of
/// the last pictures are kept, so that the shots of a series of requests are encoded once, too. Pictures are
/// loaded in threads of their own beside the model, a bounded number at a time: of any number of pictures,
/// only the features are in memory together.
class FLAM_API MediaEncoder {
 public:
  /// `setting` is all that features depend on besides the picture, see FeatureKeys. `threads` is the number
  /// of loader threads.
  MediaEncoder(const Model& model, const TransformChain& transforms, const DecodeOptions& pictures,
               const std::string& setting, int threads);

  /// Reads the size of each picture of one request or prompt from its header. Error: a picture that can't be
  /// read, or more pixels in all than are allowed.
  void measure(std::vector<Part>& parts) const;
  /// Decodes the pictures in place, for those who need them more than once. Error: as measure(), and a
  /// picture that is broken.
  void decode(std::vector<Part>& parts) const;
  /// Begins to load the pictures of a request or prompt that load() will be asked for soon.
  void prefetch(const std::vector<Part>& parts) const;
  /// Forgets what was prefetched and not asked for.
  void drop_prefetched() const;

  EncodedMedia load(std::span<const Prompt> prompts, const MediaOptions& options) const;
  /// Keys, features and index of some of the prompts that were loaded, none of which has an error. Rows with
  /// fewer media are filled with a picture of zeros (after normalisation).
  Prepared arrange(const EncodedMedia& media, std::span<const size_t> rows) const;

  /// Runs the resampler and fills prepared.batch.media.
  void resample(Prepared& prepared, StageTimes* times, Probe* probe) const;

 private:
  at::Tensor features_of_zeros() const;
  /// Rows of index [B,T,F] that show the same pictures are resampled once. A probe sees all rows.
  at::Tensor resample_distinct(const Features& features, const at::Tensor& index, Probe* probe) const;

  const Model& model_;
  const FeatureKeys keys_;
  mutable FeatureCache cache_;
  mutable PictureLoader loader_;
};

}  // namespace flam
