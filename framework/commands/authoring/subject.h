#pragma once
#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "framework/component/language_decoder.h"
#include "framework/registry/registry.h"
#include "framework/weights/weight_store.h"

namespace flam {

/// The sizes that a component is built for in the checks.
struct Setting {
  int64_t grid, prefix_tokens, feature_width;     // the backbone's features
  int64_t media_tokens, media_width;              // media tokens of one image
  int64_t hidden_size, num_layers, added_tokens;  // the decoder
  FeatureShape features() const { return {feature_width, grid, grid, prefix_tokens}; }
};
/// The sizes of OpenFlamingo v1 9B, for which the default parameters are made.
inline constexpr Setting kPublished{16, 0, 1024, 64, 1024, 4096, 32, 3};
inline constexpr Setting kSmall{16, 0, 64, 8, 32, 64, 8, 3};

/// A component that computes on tensors, as one function of tensors whose first dimension is the batch.
class Subject {
 public:
  using Tensors = std::vector<at::Tensor>;
  virtual ~Subject() = default;
  /// Random input with `rows` rows: float32, or int64 for ids. It is the same for the same seed.
  virtual Tensors input(int64_t rows, uint64_t seed) const = 0;
  /// Error: the output contradicts what the component announced, in a way that announced() can't express.
  virtual at::Tensor run(const Tensors& in) const = 0;
  /// The shape that run() should return; −1 allows any size.
  virtual std::vector<int64_t> announced(const Tensors& in) const = 0;
  virtual const LanguageDecoder* decoder() const { return nullptr; }                 // null for other kinds
  virtual const std::vector<NamingTable>* naming_tables() const { return nullptr; }  // null for a transform

  WeightStore store;
};

/// Wraps a component of the kind transform, vision_backbone, resampler, adapter or language_decoder.
std::unique_ptr<Subject> make_subject(const Registry& registry, const ComponentConfig& config,
                                      const Setting& setting);

/// Initialises the weights on the CPU, and adds noise to those that start at a constant such as zero or one
/// (gates, norms, biases). Otherwise, parts of a component would not affect its output.
void fill(WeightStore& store);

/// Positions and causal mask of a prompt without a cache.
DecodeStep whole_prompt(int64_t rows, int64_t length, at::Device device);

}  // namespace flam
