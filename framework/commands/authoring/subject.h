#pragma once
#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "framework/component/language_decoder.h"
#include "framework/registry/registry.h"
#include "framework/weights/weight_store.h"

namespace flam {

/// What a component is built for and fed with when it is checked.
struct Setting {
  int64_t grid, feature_width;                    // of the backbone's features, without prefix
  int64_t media_tokens, media_width;              // of an image
  int64_t hidden_size, num_layers, added_tokens;  // of the decoder
};
/// Those of OpenFlamingo v1, 9B: what default parameters are made for.
inline constexpr Setting kPublished{16, 1024, 64, 1024, 4096, 32, 3};
inline constexpr Setting kSmall{16, 64, 8, 32, 64, 8, 3};

/// A component of a kind that computes, as one function of tensors whose first dimension is a batch.
class Subject {
 public:
  using Tensors = std::vector<at::Tensor>;
  virtual ~Subject() = default;
  /// Random input of `rows` rows, float32 where it isn't ids; the same for the same seed.
  virtual Tensors input(int64_t rows, uint64_t seed) const = 0;
  /// Error: what comes out isn't what was announced, in ways that a shape doesn't tell.
  virtual at::Tensor run(const Tensors& in) const = 0;
  /// What run() should give; −1: any size.
  virtual std::vector<int64_t> announced(const Tensors& in) const = 0;
  virtual const LanguageDecoder* decoder() const { return nullptr; }  // of the kind language_decoder

  WeightStore store;
};

/// Kinds: transform, vision_backbone, resampler, adapter, language_decoder.
std::unique_ptr<Subject> make_subject(const Registry& registry, const ComponentConfig& config,
                                      const Setting& setting);

/// Initial values on the CPU, shaken: what begins at zero or one (gates, norms, biases) differs from it, or
/// half of a component would have no say in its output.
void fill(WeightStore& store);

/// An uncached prompt's positions and mask.
DecodeStep whole_prompt(int64_t rows, int64_t length, at::Device device);

}  // namespace flam
