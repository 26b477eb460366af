#include "framework/session/media_encoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <map>

#include "framework/base/text.h"
#include "framework/media/decode.h"
#include "framework/media/picture.h"

namespace flam {

namespace {
constexpr int64_t kMostPixels = 1'000'000'000;  // 3 GB
}  // namespace

void MediaEncoder::load_pictures(Prompt& prompt, StageTimes* times) const {
  const StageTimes::Scope timer(times, "decode");
  int64_t pixels = 0;
  for (Part& media : prompt.media) {
    if (media.pictures.empty()) throw Error("a video needs at least one frame");
    for (PictureSource& source : media.pictures) {
      if (!source.picture) source.picture = load_picture(source);
      pixels += source.picture->height() * source.picture->width();
      if (pixels > kMostPixels) {
        throw Error(cat("the pictures of one request have more than ", kMostPixels / 1'000'000,
                        " megapixels together, up to ", quoted(source.name()),
                        "; make them smaller, or take fewer frames"));
      }
    }
  }
}

Prepared MediaEncoder::open(std::span<const Prompt> prompts, StageTimes* times) const {
  const StageTimes::Scope timer(times, "transform");
  Prepared prepared;
  const int64_t size = model_.vision_backbone().image_size();
  const auto batch = static_cast<int64_t>(prompts.size());
  int64_t media_count = 0;
  int64_t frame_count = 1;
  for (const Prompt& prompt : prompts) {
    media_count = std::max(media_count, static_cast<int64_t>(prompt.media.size()));
    for (const Part& media : prompt.media) {
      frame_count = std::max(frame_count, static_cast<int64_t>(media.pictures.size()));
    }
  }
  if (media_count == 0) return prepared;

  std::vector<at::Tensor> pixels = {at::zeros({3, size, size}, at::kFloat)};
  prepared.keys = {""};
  std::unordered_map<std::string, int64_t> place;
  prepared.index = at::zeros({batch, media_count, frame_count}, at::kLong);
  prepared.frames = at::full({batch, media_count}, frame_count, at::kLong);
  auto* index = prepared.index.mutable_data_ptr<int64_t>();
  auto* frames = prepared.frames.mutable_data_ptr<int64_t>();
  for (int64_t row = 0; row < batch; ++row) {
    const auto& parts = prompts[row].media;
    for (size_t t = 0; t < parts.size(); ++t) {
      const int64_t at_media = row * media_count + static_cast<int64_t>(t);
      frames[at_media] = static_cast<int64_t>(parts[t].pictures.size());
      for (size_t f = 0; f < parts[t].pictures.size(); ++f) {
        const PictureSource& source = parts[t].pictures[f];
        const Picture picture = source.picture ? *source.picture : load_picture(source);
        const auto [found, is_new] =
            place.try_emplace(content_key(picture), static_cast<int64_t>(pixels.size()));
        if (is_new) {
          pixels.push_back(transforms_.apply(picture));
          prepared.keys.push_back(found->first);
        }
        index[at_media * frame_count + static_cast<int64_t>(f)] = found->second;
      }
    }
  }
  const bool padded = (prepared.index == 0).any().item().toBool();
  if (!padded) {  // the picture of zeros is not needed
    pixels.erase(pixels.begin());
    prepared.keys.erase(prepared.keys.begin());
    prepared.index.sub_(1);
  }
  prepared.pixels = at::stack(pixels);
  return prepared;
}

Features MediaEncoder::features_of(const Prepared& prepared) const {
  const FeatureShape shape = model_.vision_backbone().shape();
  std::vector<at::Tensor> tokens(prepared.keys.size());
  std::vector<int64_t> missing;
  {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < tokens.size(); ++i) {
      const auto found = by_key_.find(prepared.keys[i]);
      if (found == by_key_.end()) {
        missing.push_back(static_cast<int64_t>(i));
      } else {
        kept_.splice(kept_.begin(), kept_, found->second);
        tokens[i] = found->second->tokens;
      }
    }
  }
  if (!missing.empty()) {
    const at::Tensor which = at::from_blob(missing.data(), {static_cast<int64_t>(missing.size())}, at::kLong);
    const Features fresh = model_.encode_images(prepared.pixels.index_select(0, which));
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < missing.size(); ++i) {
      const auto& key = prepared.keys[missing[i]];
      tokens[missing[i]] = fresh.tokens.select(0, static_cast<int64_t>(i));
      if (by_key_.contains(key)) continue;
      kept_.push_front({key, tokens[missing[i]].clone()});
      by_key_[key] = kept_.begin();
      if (kept_.size() > kKept) {
        by_key_.erase(kept_.back().key);
        kept_.pop_back();
      }
    }
  }
  return {at::stack(tokens), shape.grid_h, shape.grid_w, shape.prefix_tokens};
}

at::Tensor MediaEncoder::resample_distinct(const Features& features, const at::Tensor& index,
                                           Probe* probe) const {
  const int64_t rows = index.size(0);
  const at::Tensor flat = index.reshape({rows, -1}).contiguous();
  std::map<std::vector<int64_t>, int64_t> places;
  std::vector<int64_t> first, which;
  for (int64_t row = 0; row < rows; ++row) {
    const auto* from = flat.const_data_ptr<int64_t>() + row * flat.size(1);
    const auto [place, is_new] = places.try_emplace(std::vector<int64_t>(from, from + flat.size(1)),
                                                    static_cast<int64_t>(first.size()));
    if (is_new) first.push_back(row);
    which.push_back(place->second);
  }
  if (probe || static_cast<int64_t>(first.size()) == rows) return model_.resample(features, index, probe);
  const auto as_tensor = [](std::vector<int64_t>& values) {
    return at::from_blob(values.data(), {static_cast<int64_t>(values.size())}, at::kLong);
  };
  const at::Tensor media = model_.resample(features, index.index_select(0, as_tensor(first)), nullptr);
  return media.index_select(0, as_tensor(which).to(media.device()));
}

void MediaEncoder::encode(Prepared& prepared, StageTimes* times, Probe* probe) const {
  if (!prepared.index.defined()) return;
  Features features;
  {
    const StageTimes::Scope timer(times, "vision", model_.device());
    features = features_of(prepared);
  }
  const StageTimes::Scope timer(times, "resampler", model_.device());
  // Elements with different numbers of frames are resampled apart: a frame that isn't there must not be
  // attended to.
  const int64_t most = prepared.index.size(2);
  for (int64_t count = 1; count <= most; ++count) {
    const at::Tensor here = prepared.frames == count;
    if (!here.any().item().toBool()) continue;
    const at::Tensor media = resample_distinct(features, prepared.index.narrow(2, 0, count), probe);
    at::Tensor& out = prepared.batch.media;
    out = out.defined() ? at::where(here.to(model_.device()).unsqueeze(-1).unsqueeze(-1), media, out) : media;
  }
}

void encode_rows(std::span<const Prompt> prompts, const Tokenizer& tokenizer, Prepared& prepared) {
  const auto image_id = tokenizer.token_id(tokenizer.image_token());
  size_t longest = 0;
  for (const Prompt& prompt : prompts) {
    auto ids = tokenizer.encode(prompt.text, true);
    const auto markers = std::count(ids.begin(), ids.end(), image_id.value());
    if (markers != static_cast<std::ptrdiff_t>(prompt.media.size())) {
      throw Error(cat("a prompt has ", markers, " media markers ", quoted(tokenizer.image_token()), " for ",
                      prompt.media.size(), " pictures or videos"));
    }
    longest = std::max(longest, ids.size());
    prepared.rows.push_back(std::move(ids));
  }
  const auto batch = static_cast<int64_t>(prompts.size());
  const auto length = static_cast<int64_t>(longest);
  prepared.batch.ids = at::full({batch, length}, tokenizer.pad_id(), at::kLong);
  prepared.batch.attention_mask = at::zeros({batch, length}, at::kBool);
  for (int64_t row = 0; row < batch; ++row) {
    auto& ids = prepared.rows[row];
    const int64_t padding = length - static_cast<int64_t>(ids.size());
    const at::Tensor real = at::from_blob(ids.data(), {static_cast<int64_t>(ids.size())}, at::kLong);
    prepared.batch.ids.select(0, row).narrow(0, padding, real.size(0)).copy_(real);
    prepared.batch.attention_mask.select(0, row).narrow(0, padding, real.size(0)).fill_(true);
    ids.insert(ids.begin(), padding, tokenizer.pad_id());
  }
}

std::vector<uint64_t> row_seeds(const Prepared& prepared) {
  std::vector<uint64_t> seeds;
  for (size_t row = 0; row < prepared.rows.size(); ++row) {
    uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
    const auto add = [&](std::string_view bytes) {
      for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
    };
    const int64_t real =
        prepared.batch.attention_mask.select(0, static_cast<int64_t>(row)).sum().item().toLong();
    const std::span ids = std::span(prepared.rows[row]).last(real);
    add({reinterpret_cast<const char*>(ids.data()), ids.size_bytes()});
    if (prepared.index.defined()) {
      const at::Tensor pictures = prepared.index.select(0, static_cast<int64_t>(row));
      const auto* index = pictures.const_data_ptr<int64_t>();
      for (int64_t i = 0; i < pictures.numel(); ++i) add(prepared.keys[index[i]]);
    }
    seeds.push_back(hash);
  }
  return seeds;
}

void finish_text(Hypothesis& hypothesis, const GenerationParams& params, const Tokenizer& tokenizer) {
  hypothesis.text = tokenizer.decode(hypothesis.ids, true);
  for (const std::string& stop : params.stop_strings) {
    if (const auto at = hypothesis.text.find(stop); at != std::string::npos) hypothesis.text.resize(at);
  }
}

namespace {

class TimedModel final : public StepModel {
 public:
  TimedModel(std::unique_ptr<StepModel> model, at::Device device, StageTimes* times)
      : model_(std::move(model)), device_(device), times_(times) {}
  int64_t batch() const override { return model_->batch(); }
  at::Tensor prefill() override {
    const StageTimes::Scope timer(times_, "prefill", device_);
    return model_->prefill();
  }
  at::Tensor step(const at::Tensor& ids) override {
    const StageTimes::Scope timer(times_, "step", device_);
    return model_->step(ids);
  }
  void reorder(const at::Tensor& source) override { model_->reorder(source); }

 private:
  std::unique_ptr<StepModel> model_;
  at::Device device_;
  StageTimes* times_;
};

}  // namespace

std::unique_ptr<StepModel> timed(std::unique_ptr<StepModel> model, at::Device device, StageTimes* times) {
  if (!times) return model;
  return std::make_unique<TimedModel>(std::move(model), device, times);
}

}  // namespace flam
