#include "plugins/dataset/classifier_maps/maps.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/topk.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace flam {

namespace {

constexpr double kKept = 0.03;     // the share of channels that show a class
constexpr int64_t kLeastKept = 8;  // but at least so many
constexpr int64_t kSimilar = 10;   // similar classes of each class, or a tenth of all classes
constexpr int kRounds = 8;         // in which classes are removed from a background
constexpr int kSteps = 8;          // in which the strength of an object is found
constexpr double kCover = 0.8;     // how much of the background an object hides at its centre

/// Standard normal numbers (Box and Muller 1958).
void fill_normal(at::Tensor& out, Random& random) {
  auto* values = out.mutable_data_ptr<float>();
  for (int64_t i = 0; i < out.numel(); i += 2) {
    const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
    const double angle = 2 * std::numbers::pi * random.uniform();
    values[i] = static_cast<float>(radius * std::cos(angle));
    if (i + 1 < out.numel()) values[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
}

/// A Gaussian of `width` cells around the object's centre, [P,1].
at::Tensor blob(const MapObject& object, double width, int64_t side) {
  at::Tensor out = at::empty({side * side, 1}, at::kFloat);
  auto* values = out.mutable_data_ptr<float>();
  for (int64_t cell = 0; cell < side * side; ++cell) {
    const int64_t row = cell / side, column = cell % side;
    const double dx = static_cast<double>(column) + 0.5 - object.x * static_cast<double>(side);
    const double dy = static_cast<double>(row) + 0.5 - object.y * static_cast<double>(side);
    values[cell] = static_cast<float>(std::exp(-(dx * dx + dy * dy) / (2 * width * width)));
  }
  return out;
}

at::Tensor mirrored(const at::Tensor& map, int64_t side) {
  return map.view({side, side, -1}).flip({1}).reshape({side * side, -1});
}

/// The largest logit but for those of the objects.
double largest_other(const at::Tensor& logits, const std::vector<MapObject>& objects) {
  const auto* values = logits.const_data_ptr<float>();
  double most = -INFINITY;
  for (int64_t c = 0; c < logits.size(0); ++c) {
    const auto is_shown = [&](const MapObject& object) { return object.label == c; };
    if (std::none_of(objects.begin(), objects.end(), is_shown)) most = std::max<double>(most, values[c]);
  }
  return most;
}

}  // namespace

ClassifierMaps::ClassifierMaps(const at::Tensor& base, const at::Tensor& weight, const at::Tensor& bias,
                               MapOptions options)
    : options_(options) {
  if (base.dim() != 3 || weight.dim() != 2 || bias.dim() != 1 || weight.size(0) != bias.size(0) ||
      base.size(2) != weight.size(1)) {
    throw Error(cat("base maps ", base.sizes(), ", weight ", weight.sizes(), " and bias ", bias.sizes(),
                    " don't fit; expected [N,P,D], [C,D] and [C]"));
  }
  side_ = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(base.size(1)))));
  if (side_ * side_ != base.size(1))
    throw Error(cat("base maps ", base.sizes(), " have ", base.size(1),
                    " places, which is not a square number; expected a square grid without prefix tokens"));
  // Of two classes, only one can lead the others.
  const int64_t least = options.two_objects > 0 ? 3 : 2;
  if (base.size(0) < 2 || weight.size(0) < least) {
    throw Error(cat("expected at least two base maps and ", least, " classes",
                    options.two_objects > 0 ? " (2 with two_objects: 0)" : "", ", found ", base.size(0),
                    " and ", weight.size(0)));
  }
  base_ = base.to(at::kFloat).contiguous();
  weight_ = weight.to(at::kFloat).contiguous();
  bias_ = bias.to(at::kFloat).contiguous();
  if (!(base_.min().item().toDouble() >= 0))
    throw Error("the base maps have negative values or NaN; expected features after a ReLU");
  most_ = base_.max().item().toDouble();
  mean_ = base_.flatten(0, 1).mean(0);
  contrast_ = weight_ - weight_.mean(0, true);
  const at::Tensor speaking = contrast_.clamp_min(0) * base_.flatten(0, 1).var(0);
  const int64_t width = base.size(2);
  const int64_t kept = std::clamp(static_cast<int64_t>(kKept * static_cast<double>(width)),
                                  std::min(kLeastKept, width), width);
  const at::Tensor threshold = std::get<0>(speaking.topk(kept, 1)).narrow(1, kept - 1, 1);
  looks_ = at::where(speaking >= threshold, speaking, at::zeros({}, speaking.options()));
  const at::Tensor gain = (looks_ * contrast_).sum(1, true);
  if (!(gain.min().item().toDouble() > 0)) {  // nor NaN
    throw Error(cat("class ", gain.argmin().item().toLong(),
                    " of the classifier can't be told from the others: its weights equal their mean, or are "
                    "not finite"));
  }
  looks_ = looks_ / gain;
  const at::Tensor unit = contrast_ / contrast_.norm(2, {1}, true);
  const int64_t similar = std::clamp<int64_t>(weight.size(0) / 10, 1, kSimilar);
  similar_ = std::get<1>(unit.matmul(unit.t()).fill_diagonal_(-1).topk(similar, 1)).contiguous();
}

at::Tensor ClassifierMaps::logits(const at::Tensor& features) const {
  return weight_.mv(features.mean(0)) + bias_;
}

at::Tensor ClassifierMaps::background(Random& random) const {
  const auto pick = [&] {
    const at::Tensor map = base_.select(0, static_cast<int64_t>(random.below(base_.size(0))));
    return random.chance(0.5) ? mirrored(map, side_) : map;
  };
  at::Tensor map = pick();
  if (random.chance(0.5)) map = map.lerp(pick(), random.uniform(0, 0.5));
  map = mean_ + (map - mean_) * random.uniform(0.7, 1);
  for (int round = 0; round < kRounds; ++round) {
    const auto [largest, which] = logits(map).max(0);
    const double excess = largest.item().toDouble() - options_.background_logit;
    if (excess <= 0) break;
    // Each channel is weakened in proportion to its share of the evidence.
    const at::Tensor contrast = contrast_.select(0, which.item().toLong());
    const at::Tensor evidence = (contrast * map.mean(0)).clamp_min(0);
    const at::Tensor share = evidence / evidence.max().clamp_min(1e-6);
    const at::Tensor change = (evidence * share).sum().clamp_min(1e-6);
    map = map * (1 - share * excess / change).clamp_min(0);
  }
  return map;
}

at::Tensor ClassifierMaps::look_of(int64_t label, Random& random) const {
  at::Tensor look = looks_.select(0, label);
  const size_t others = random.below(std::min<size_t>(4, static_cast<size_t>(similar_.size(1)) + 1));
  const auto* similar = similar_.const_data_ptr<int64_t>() + label * similar_.size(1);
  for (size_t i = 0; i < others; ++i) {
    const int64_t other = similar[random.below(static_cast<size_t>(similar_.size(1)))];
    look = look + looks_.select(0, other) * random.uniform(0, 0.7);
  }
  return look;
}

void ClassifierMaps::add_object(at::Tensor& map, const MapObject& object, double margin,
                                const std::vector<MapObject>& all, Random& random) const {
  const at::Tensor shape = blob(object, random.uniform(0.8, 2.5), side_);
  const at::Tensor look = shape * look_of(object.label, random) / shape.mean();
  map = map * (1 - shape * kCover);
  // Values are clamped and similar classes rise too, so that a step achieves less than it should.
  for (int step = 0; step < kSteps; ++step) {
    const at::Tensor now = logits(map);
    const double lead = now.const_data_ptr<float>()[object.label] - largest_other(now, all);
    if (lead >= margin - 0.1) break;
    map = (map + look * (margin - lead)).clamp_max(most_);
  }
}

FeatureMap ClassifierMaps::draw(uint64_t seed) const {
  Random random(seed);
  FeatureMap out;
  at::Tensor map = background(random);
  const auto any_class = [&] { return static_cast<int64_t>(random.below(classes())); };
  const auto place = [&] { return random.uniform(0.1, 0.9); };
  out.objects.push_back({any_class(), place(), place()});
  if (random.chance(options_.two_objects)) {
    // The other half of the picture, at least three tenths of its width away.
    MapObject& first = out.objects.front();
    const bool on_the_left = random.chance(0.5);
    first.x = on_the_left ? random.uniform(0.1, 0.35) : random.uniform(0.65, 0.9);
    MapObject second{any_class(), on_the_left ? random.uniform(0.65, 0.9) : random.uniform(0.1, 0.35),
                     place()};
    while (second.label == first.label) second.label = any_class();
    out.objects.push_back(second);
    std::sort(out.objects.begin(), out.objects.end(), [](auto& a, auto& b) { return a.x < b.x; });
  }
  const double margin =
      random.chance(options_.unclear) ? random.uniform(-0.5, 1.5) : random.uniform(1.5, options_.max_margin);
  // Of two objects, the second one takes from the first.
  for (int step = 0; step < (out.objects.size() > 1 ? 2 : 1); ++step) {
    for (const MapObject& object : out.objects) {
      add_object(map, object, out.objects.size() > 1 ? std::max(margin, 2.0) : margin, out.objects, random);
    }
  }
  at::Tensor noise = at::empty_like(map);
  fill_normal(noise, random);
  map = (map * (1 + noise * random.uniform(0, options_.noise))).clamp(0, most_);
  const auto [probabilities, which] = logits(map).softmax(0).topk(2);
  out.likely = {which.const_data_ptr<int64_t>()[0], which.const_data_ptr<int64_t>()[1]};
  out.confidence = probabilities.const_data_ptr<float>()[0];
  // The truth is what the classifier sees in the end.
  if (MapObject& first = out.objects.front(); out.objects.size() == 1) {
    first.placed = first.label == out.likely[0];
    first.label = out.likely[0];
  }
  out.features = map.contiguous();
  return out;
}

}  // namespace flam
