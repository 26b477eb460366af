#pragma once
// Loads and encodes the pictures of a batch.

#include <span>
#include <vector>

#include "framework/session/media_encoder.h"

namespace flam {

using Plans = std::vector<std::vector<MediaPlan>>;  // for each medium and picture of a prompt

/// What the pictures are loaded and encoded with.
struct BatchLoading {
  const Model& model;
  PictureLoader& loader;
  const FeatureKeys& keys;
  FeatureCache& cache;
  const MediaOptions& options;
};

/// Loads and encodes the distinct pictures of a batch, a limited number at a time. After a picture is
/// encoded, only its features are kept. The result has no texts and no placed media yet.
EncodedMedia load_batch(std::span<const Prompt> prompts, std::span<const Plans> plans,
                        const BatchLoading& with);

}  // namespace flam
