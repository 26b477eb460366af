#pragma once
// Turns the media of prompts into tensors for the model.

#include <exception>
#include <string>

#include "framework/device/stage_times.h"
#include "framework/media/decode_options.h"
#include "framework/model/model.h"
#include "framework/model/transform_chain.h"
#include "framework/session/picture_loader.h"
#include "framework/session/prompt_batch.h"
#include "framework/session/video_frames.h"

namespace flam {

/// How the pictures of a batch are loaded.
struct MediaOptions {
  StageTimes* times = nullptr;  // "decode", "transform", "vision"
  bool with_pixels = false;     // keep the backbone's input
};

/// The distinct pictures of some prompts, encoded.
struct EncodedMedia {
  std::vector<std::string> contents;  // of each picture, see LoadedPicture
  std::vector<at::Tensor> features;   // [C,P,D] of the crops of each, or with tile slots, of the slots
  std::vector<at::Tensor> pixels;     // float32 [C,3,S,S] of them, if they were asked for
  /// Of each prompt, medium and frame: which picture. −1 where it could not be loaded.
  std::vector<std::vector<std::vector<int64_t>>> places;
  std::vector<MarkedText> texts;                // of each prompt, with a media marker for each medium
  std::vector<std::vector<PlacedMedia>> media;  // of each prompt, for each picture or video
  std::vector<std::exception_ptr> errors;       // for each prompt: why it can't be run; null if it can
};

/// A prompt's text and media as the model's media layout makes them.
struct LaidOut {
  MarkedText text;                 // with a media marker for each medium
  std::vector<PlacedMedia> media;  // for each picture or video
};

/// Loads pictures, runs the backbone and the resampler. A distinct picture is encoded once; the features of
/// the last pictures are kept, so that the shots of a series of requests are encoded once, too. Pictures are
/// loaded in threads of their own beside the model, a bounded number at a time: of any number of pictures,
/// only the features are in memory together.
class FLAM_API MediaEncoder {
 public:
  /// `setting` describes everything that features depend on besides the picture (see FeatureKeys). `threads`
  /// is the number of loader threads; `sampling` chooses frames of videos for which a request does not;
  /// `disk` keeps features beyond the session.
  MediaEncoder(const Model& model, const TransformChain& transforms, const DecodeOptions& pictures,
               const std::string& setting, int threads, const FrameSampling& sampling = {},
               std::unique_ptr<DiskFeatures> disk = nullptr);

  /// Decodes video files, which are replaced by their frames, and reads the size of each picture of one
  /// request or prompt from its header. Error: a picture or video can't be read, the pictures have more
  /// pixels in total than the limit, or features don't have the backbone's shape.
  void measure(std::vector<Part>& parts) const;
  /// Decodes the pictures in place, for callers that need them more than once. Error: as in measure(), or a
  /// picture is damaged.
  void decode(std::vector<Part>& parts) const;
  /// Begins to load the pictures of a request or prompt that load() will be asked for soon.
  void prefetch(std::span<const Part> parts) const;
  /// Forgets what was prefetched and not asked for.
  void drop_prefetched() const;

  /// Lays out the media of a prompt, whose sizes are known: from measure(), or from features.
  LaidOut lay_out(const Prompt& prompt) const;

  EncodedMedia load(std::span<const Prompt> prompts, const MediaOptions& options) const;
  /// Collects texts, keys, features and index of some of the loaded prompts; none may have an error. Rows
  /// with fewer media than others are padded with zeros in place of a picture (after normalisation).
  Prepared arrange(const EncodedMedia& media, std::span<const size_t> rows) const;

  /// Runs the resampler and fills prepared.batch.media.
  void resample(Prepared& prepared, StageTimes* times, Probe* probe) const;

 private:
  VisionInput zeros() const;
  at::Tensor features_of_zeros() const;
  /// Resamples rows of index [B,T,F] that have the same pictures only once. With a probe, all rows are
  /// resampled.
  at::Tensor resample_distinct(const Features& features, const at::Tensor& index, Probe* probe) const;

  const Model& model_;
  const FeatureKeys keys_;
  mutable FeatureCache cache_;
  mutable PictureLoader loader_;
  VideoFrames videos_;
};

}  // namespace flam
