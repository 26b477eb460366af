// The model's way from pictures to media tokens.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/index.h>

#include <algorithm>

#include "framework/base/text.h"
#include "framework/device/to_device.h"
#include "framework/model/model.h"
#include "framework/model/run_backbone.h"

namespace flam {

namespace {
constexpr int64_t kResampledTogether = 32;  // crops; as many as a session encodes together
}

Features Model::encode_images(const VisionInput& input) const {
  return run_backbone(*vision_backbone_, backbone_border_, input.to(device_, dtype_));
}

Features Model::given_features(const at::Tensor& tokens) const {
  const FeatureShape shape = vision_backbone_->shape();
  return {to_device(tokens, device_).to(dtype_), shape.grid_h, shape.grid_w, shape.prefix_tokens};
}

void Model::check_features(const at::Tensor& features) const {
  const FeatureShape shape = vision_backbone_->shape();
  const std::vector<int64_t> expected = {shape.tokens(), shape.width};
  if (features.sizes() == at::IntArrayRef(expected) && features.is_floating_point()) return;
  throw Error(cat("the features of a picture are ", features.scalar_type(), " ", features.sizes(),
                  ", but the backbone gives floating-point features [", shape.tokens(), ", ", shape.width,
                  "] (tokens, width); take them from the same backbone"));
}

at::Tensor Model::resample(const Features& features, const at::Tensor& index, Probe* probe) const {
  const int64_t rows = index.size(0), of_row = std::max<int64_t>(index.size(1) * index.size(2), 1),
                together = std::max<int64_t>(kResampledTogether / of_row, 1);
  if (!probe && rows > together) {
    std::vector<at::Tensor> media;
    for (int64_t first = 0; first < rows; first += together)
      media.push_back(resample(features, index.narrow(0, first, std::min(together, rows - first)), nullptr));
    return at::cat(media);
  }
  Features gathered = features;
  const int64_t pictures = features.tokens.size(0);
  // Usually every picture is used once, in order, and nothing has to be copied.
  if (index.is_cpu() && index.numel() == pictures &&
      index.flatten().equal(at::arange(pictures, index.options()))) {
    std::vector<int64_t> shape = index.sizes().vec();
    shape.insert(shape.end(), {features.tokens.size(1), features.tokens.size(2)});
    gathered.tokens = features.tokens.reshape(shape);
  } else {
    gathered.tokens = at::index(features.tokens, {to_device(index, device_)});
  }
  gathered.probe = probe;
  if (probe) {
    probe->record(
        "vision_features", -1,
        gathered.tokens.flatten(0, 2).narrow(1, features.prefix_tokens, features.grid_h * features.grid_w));
  }
  const MediaShape shape = resampler_->shape();
  at::Tensor media = resampler_border_.tensor(
      "forward", {gathered.tokens.size(0), gathered.tokens.size(1), shape.tokens, shape.width},
      gathered.tokens.options(), [&] { return resampler_->forward(gathered); });
  if (const int64_t slots = media_layout_->tile_slots(); slots > 1)
    media = media.unflatten(1, {media.size(1) / slots, slots}).flatten(2, 3);
  if (probe) probe->record("media_tokens", -1, media);
  return media;
}

}  // namespace flam
