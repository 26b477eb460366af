#include "framework/commands/bench/stages.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "framework/base/interrupted.h"
#include "framework/device/device_memory.h"
#include "framework/device/one_thread.h"
#include "framework/media/decode.h"
#include "framework/media/encode.h"
#include "framework/model/laid_out.h"
#include "framework/session/session_parts.h"

namespace flam {

namespace {

constexpr int64_t kWidth = 640, kHeight = 480;
constexpr int64_t kEncodedTogether = 32;  // as a session does

/// A picture of waves, which JPEG compresses about as much as a photo; pictures with different numbers
/// differ.
std::string picture_file(int64_t number) {
  const at::Tensor y = at::arange(kHeight, at::kFloat).view({kHeight, 1, 1}),
                   x = at::arange(kWidth, at::kFloat).view({1, kWidth, 1}),
                   channel = at::arange(3, at::kFloat).view({1, 1, 3});
  const auto shift = static_cast<double>(number);
  const at::Tensor waves = (x * 0.11 + y * 0.05 + channel + shift).sin() * 50 +
                           (x * y * 0.002 + channel * 2).sin() * 40 + (x * 1.3 - y * 1.7 + shift).cos() * 20;
  return encode_thumbnail({(waves + 128).clamp(0, 255).to(at::kByte)}, kWidth);
}

}  // namespace

struct BenchStages::Round {
  StageTimes& times;
  OperatorRecorder* recorder;
  const std::function<bool()>& cancelled;

  /// Runs one stage. `bytes` are those that it moves outside libtorch's operators.
  template <class Work>
  void stage(const char* name, at::Device device, const Work& work, int64_t bytes = 0) {
    if (cancelled && cancelled()) throw Interrupted();
    if (recorder) recorder->begin(name);
    {
      const StageTimes::Scope timer(&times, name, device);
      work();
    }
    if (recorder) recorder->end(bytes);
  }
};

MediaPlan bench_plan(const MediaLayout& layout) {
  return layout.plan({kHeight, kWidth}, /*may_split=*/true);
}

BenchStages::BenchStages(const Session& session, const BenchShape& shape)
    : session_(session), shape_(shape), plan_(bench_plan(session.model().media_layout())) {
  for (int64_t i = 0; i < shape.batch_size * shape.images; ++i) files_.push_back(picture_file(i));
}

/// Pixels float32 [C,3,S,S] of the crops of each of the batch's pictures.
std::vector<at::Tensor> BenchStages::decode_and_transform(Round& round) const {
  std::vector<Picture> pictures;
  std::vector<at::Tensor> pixels;
  int64_t file_bytes = 0;
  for (const std::string& file : files_) file_bytes += std::ssize(file);
  const int64_t size = session_.model().vision_backbone().image_size(), count = std::ssize(files_),
                picture_bytes = count * kHeight * kWidth * 3;
  round.stage(
      "decode_file", at::kCPU,
      [&] {
        for (const std::string& file : files_)
          pictures.push_back(decode_picture(file, "the benchmark's picture", session_.config().pictures));
      },
      file_bytes + picture_bytes);
  round.stage(
      "transform", at::kCPU,
      [&] {
        for (const Picture& picture : pictures)
          pixels.push_back(
              session_.transforms().apply(picture, session_.model().media_layout(), /*may_split=*/true));
      },
      picture_bytes + count * plan_.crops * 3 * size * size * static_cast<int64_t>(sizeof(float)));
  return pixels;
}

/// The tokens of all pictures, encoded as many together as a session does.
Features BenchStages::encode(const std::vector<at::Tensor>& pixels) const {
  const Model& model = session_.model();
  const auto together = static_cast<size_t>(std::max<int64_t>(kEncodedTogether / plan_.crops, 1));
  Features features;
  std::vector<at::Tensor> tokens;
  for (size_t first = 0; first < pixels.size(); first += together) {
    const size_t count = std::min(together, pixels.size() - first);
    const std::vector<MediaPlan> plans(count, plan_);
    features = model.encode_images(vision_input(at::cat(at::TensorList(pixels).slice(first, count)), plans,
                                                model.media_layout(), model.vision_backbone().shape()));
    tokens.push_back(features.tokens);
  }
  features.tokens = tokens.size() == 1 ? tokens.front() : at::cat(tokens);
  return features;
}

/// [B,L] int64: a token for each medium, then ordinary tokens.
at::Tensor BenchStages::prompt_ids() const {
  const int64_t media = shape_.images * session_.model().media_layout().media_count(plan_),
                text = shape_.prompt_tokens - media, known = session_.model().language_decoder().vocab_size();
  const at::Tensor ids = at::cat({at::full({media}, session_.model().image_token_id(), at::kLong),
                                  at::arange(text, at::kLong).remainder(known)});
  return ids.unsqueeze(0).expand({shape_.batch_size, -1}).contiguous();
}

void BenchStages::run(StageTimes& times, int64_t steps, OperatorRecorder* recorder,
                      const std::function<bool()>& cancelled) const {
  const c10::InferenceMode inference;
  const ThreadCount computing(session_.options().threads);
  const Model& model = session_.model();
  const at::Device device = model.device();
  Round round{times, recorder, cancelled};
  with_device_memory([&] {
    Prepared prepared;
    prepared.batch.ids = prompt_ids();
    prepared.batch.attention_mask = at::ones(prepared.batch.ids.sizes(), at::kBool);
    if (shape_.images > 0) {
      const std::vector<at::Tensor> pixels = decode_and_transform(round);
      Features features;
      round.stage("vision", device, [&] { features = encode(pixels); });
      const at::Tensor index =
          at::arange(features.tokens.size(0), at::kLong).view({shape_.batch_size, -1, 1});
      round.stage("resampler", device, [&] { prepared.batch.media = model.resample(features, index); });
      // start() does this once more, which is not timed.
      round.stage("media_kv", device, [&] { model.adapter().prepare(prepared.batch.media); });
    }
    const auto generation = session_.parts().start(prepared, shape_.num_beams, shape_.new_tokens);
    round.stage("prefill", device, [&] { generation->prefill(); });
    const int64_t rows = shape_.batch_size * shape_.num_beams;
    const at::Tensor ids = at::arange(rows, at::kLong).remainder(model.language_decoder().vocab_size()),
                     same = at::arange(rows, at::kLong);
    for (int64_t i = 0; i < steps; ++i) {
      round.stage("decode_step", device, [&] {
        if (shape_.num_beams > 1 && i > 0) generation->reorder(same);
        generation->step(ids);
      });
    }
  });
}

}  // namespace flam
