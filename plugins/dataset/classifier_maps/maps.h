#pragma once
// Feature maps in which a linear classifier sees chosen classes at chosen places.

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "framework/sdk.h"

namespace flam {

/// An object of a map: its class, and the place of its centre as a fraction of the map's width and height.
struct MapObject {
  int64_t label = 0;
  double x = 0.5, y = 0.5;
  bool placed = true;  // false: the classifier sees something else, which may be anywhere
};

struct FeatureMap {
  at::Tensor features;              // float32 [P,D]
  std::vector<MapObject> objects;   // from left to right
  std::array<int64_t, 2> likely{};  // the classifier's first and second choice for the whole map
  double confidence = 0;            // its probability of the first one
};

struct MapOptions {
  double two_objects = 0.15;      // the share of maps that show two objects
  double unclear = 0.25;          // the share of maps whose objects have a margin of at most 1.5
  double max_margin = 8;          // largest number of logits by which an object's class leads the others
  double background_logit = 3.5;  // largest logit that a background is left with
  double noise = 0.4;             // largest standard deviation of the noise, relative to each value
};

/// A linear classifier on the mean of a backbone's feature map [P,D]: logits = W·mean + b. Since it is
/// linear, features that raise the logit of class c and few others are known in advance: the channels with
/// the largest v (w_c − w̄), where v is the variance of the channel in ordinary pictures and w̄ the mean of all
/// w. They are only added to, because features after a ReLU are sparse and not negative. A map begins with
/// the features of ordinary pictures: two of them are mixed, and the channels that speak for what the
/// classifier sees in them are weakened. An object covers a part of it, and brings the channels of its class,
/// and a little of those of similar classes.
class ClassifierMaps {
 public:
  /// `base` [N,P,D] are features of pictures, not negative, `weight` [C,D] and `bias` [C] the classifier.
  /// Error: the shapes do not fit each other, P is not a square number, a value is negative, there are too
  /// few pictures or classes, or the weights do not tell a class from the others.
  ClassifierMaps(const at::Tensor& base, const at::Tensor& weight, const at::Tensor& bias,
                 MapOptions options);

  /// The map of this seed. The label of a single object is the classifier's first choice. Several threads may
  /// call it.
  FeatureMap draw(uint64_t seed) const;

  int64_t classes() const { return weight_.size(0); }
  /// The classifier's logits [C] for a map [P,D].
  at::Tensor logits(const at::Tensor& features) const;

 private:
  at::Tensor background(Random& random) const;
  /// Features that show the class, with a little of similar classes: [D].
  at::Tensor look_of(int64_t label, Random& random) const;
  void add_object(at::Tensor& map, const MapObject& object, double margin, const std::vector<MapObject>& all,
                  Random& random) const;

  MapOptions options_;
  int64_t side_ = 0;
  double most_ = 0;           // the largest value of the base features
  at::Tensor base_, mean_;    // [N,P,D], [D]
  at::Tensor weight_, bias_;  // [C,D], [C]
  at::Tensor contrast_;       // [C,D]: w_c − w̄
  at::Tensor looks_;          // [C,D]: features that raise the class's logit by 1 over the mean logit
  at::Tensor similar_;        // [C,K] int64: the classes with the most similar weights
};

}  // namespace flam
