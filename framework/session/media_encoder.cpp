#include "framework/session/media_encoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "framework/base/text.h"
#include "framework/device/to_device.h"
#include "framework/generate/generate.h"
#include "framework/model/laid_out.h"
#include "framework/session/batch_loader.h"

namespace flam {

namespace {

constexpr int64_t kMostPixels = 1'000'000'000;  // 3 GB

/// The plans of a prompt's media; their texts, and what becomes of them, are written to `text` and `placed`.
/// Where the layout separates the frames of a video, each becomes an element of `prompt.media`. Error: a plan
/// or the number of media markers is wrong, or a text can't be written.
Plans lay_out(Prompt& prompt, const Model& model, MarkedText& text, std::vector<PlacedMedia>& placed) {
  const MediaLayout& layout = model.media_layout();
  const std::string& marker = model.tokenizer().image_token();
  const int64_t size = model.vision_backbone().image_size();
  Plans plans;
  std::vector<std::string> texts;
  std::vector<PlacedMedia> media;
  std::vector<Part> parts;
  for (const Part& part : prompt.media) {
    const bool is_image = part.kind == Part::Kind::image;
    std::vector<MediaPlan> of_part;
    for (const PictureSource& source : part.pictures) {
      const bool given = source.features.defined();
      of_part.push_back(
          layout.plan(given ? PictureSize{size, size} : PictureSize{source.height, source.width},
                      /*may_split=*/is_image));
    }
    const MediaPlan& plan = of_part.front();
    const int64_t frames = is_image ? 0 : std::ssize(part.pictures);
    const bool separate = !is_image && layout.separates_frames();
    texts.push_back(is_image ? layout.text(plan) : separate ? layout.video_text(part) : marker);
    const int64_t count = is_image ? layout.media_count(plan) : separate ? frames : 1;
    media.push_back({plan.rows, plan.columns, plan.crops, frames, count * model.media_tokens()});
    if (!separate) {
      parts.push_back(part);
      plans.push_back(std::move(of_part));
      continue;
    }
    for (size_t f = 0; f < part.pictures.size(); ++f) {
      parts.push_back({Part::Kind::frames, "", {part.pictures[f]}});
      plans.push_back({of_part[f]});
    }
  }
  text = with_media_texts(prompt.text, marker, texts);
  prompt.media = std::move(parts);
  placed = std::move(media);
  return plans;
}

}  // namespace

MediaEncoder::MediaEncoder(const Model& model, const TransformChain& transforms,
                           const DecodeOptions& pictures, const std::string& setting, int threads,
                           const FrameSampling& sampling, std::unique_ptr<DiskFeatures> disk)
    : model_(model),
      keys_(setting),
      cache_(std::move(disk)),
      loader_(model.media_layout(), transforms, pictures, keys_, cache_, threads),
      videos_(sampling) {}

void MediaEncoder::measure(std::vector<Part>& parts) const {
  int64_t pixels = 0;
  for (Part& media : parts) {
    if (media.kind == Part::Kind::text) continue;
    videos_.take(media);
    if (media.pictures.empty()) throw Error("a video needs at least one frame");
    for (PictureSource& source : media.pictures) {
      if (const std::string wrong = what_is_wrong(source); !wrong.empty())
        throw Error(cat("a picture of the request ", wrong));
      if (source.features.defined()) {
        model_.check_features(source.features);
        if (model_.media_layout().max_crops() > 1 || model_.media_layout().tile_slots() > 1)
          throw Error(
              "a picture is given as features, but model.media_layout makes several crops of a picture; give "
              "the picture itself");
        continue;
      }
      loader_.measure(source);
      pixels += source.height * source.width;
      if (pixels > kMostPixels) {
        throw Error(cat("the pictures of one request have more than ", kMostPixels / 1'000'000,
                        " megapixels together, up to ", quoted(source.name()),
                        "; make them smaller, or use fewer frames"));
      }
    }
  }
}

void MediaEncoder::decode(std::vector<Part>& parts) const {
  measure(parts);
  for (Part& media : parts) {
    for (PictureSource& source : media.pictures) loader_.decode(source);
  }
}

void MediaEncoder::prefetch(std::span<const Part> parts) const {
  for (const Part& media : parts) {
    for (const PictureSource& source : media.pictures)
      loader_.prefetch({&source, media.kind == Part::Kind::image});
  }
}

void MediaEncoder::drop_prefetched() const {
  loader_.drop_prefetched();
}

LaidOut MediaEncoder::lay_out(const Prompt& prompt) const {
  Prompt measured = prompt;
  LaidOut out;
  flam::lay_out(measured, model_, out.text, out.media);
  return out;
}

EncodedMedia MediaEncoder::load(std::span<const Prompt> prompts, const MediaOptions& options) const {
  std::vector<Prompt> measured(prompts.begin(), prompts.end());
  std::vector<std::exception_ptr> refused(prompts.size());
  std::vector<Plans> plans(prompts.size());
  std::vector<MarkedText> texts(prompts.size());
  std::vector<std::vector<PlacedMedia>> placed(prompts.size());
  for (size_t row = 0; row < measured.size(); ++row) {
    try {
      measure(measured[row].media);
      plans[row] = flam::lay_out(measured[row], model_, texts[row], placed[row]);
    } catch (const Error&) {
      refused[row] = std::current_exception();
      measured[row].media.clear();
    }
  }
  EncodedMedia out = load_batch(measured, plans, {model_, loader_, keys_, cache_, options});
  out.texts = std::move(texts);
  out.media = std::move(placed);
  for (size_t row = 0; row < refused.size(); ++row) {
    if (refused[row]) out.errors[row] = refused[row];
  }
  return out;
}

Prepared MediaEncoder::arrange(const EncodedMedia& media, std::span<const size_t> rows) const {
  Prepared prepared;
  std::unordered_map<int64_t, int64_t> first_crop;  // of each picture of `media`, in `prepared`
  std::vector<at::Tensor> features, pixels;
  const auto crops_of = [&](int64_t picture) { return media.features[static_cast<size_t>(picture)].size(0); };
  const auto first_crop_of = [&](int64_t picture) {
    const auto [first, is_new] = first_crop.try_emplace(picture, std::ssize(prepared.contents));
    if (is_new) {
      const auto from = static_cast<size_t>(picture);
      const int64_t crops = crops_of(picture);
      for (int64_t c = 0; c < crops; ++c)
        prepared.contents.push_back(media.contents[from] + (crops > 1 ? cat(":crop", c) : ""));
      features.push_back(media.features[from]);
      if (!media.pixels.empty()) pixels.push_back(media.pixels[from]);
    }
    return first->second;
  };
  // For each row and medium (with tile slots, each slot of it): the crop of each frame. A picture is one
  // frame.
  std::vector<std::vector<std::vector<int64_t>>> places;
  size_t media_count = 0, frame_count = 1;
  for (const size_t row : rows) {
    prepared.texts.push_back(media.texts[row]);
    prepared.media.push_back(media.media[row]);
    auto& of_row = places.emplace_back();
    for (const auto& pictures : media.places[row]) {
      for (int64_t c = 0; c < crops_of(pictures.front()); ++c) {
        auto& frames = of_row.emplace_back();
        for (const int64_t picture : pictures) frames.push_back(first_crop_of(picture) + c);
      }
      frame_count = std::max(frame_count, pictures.size());
    }
    media_count = std::max(media_count, of_row.size());
  }
  if (media_count == 0) return prepared;
  const auto batch = static_cast<int64_t>(rows.size()), most = static_cast<int64_t>(media_count),
             longest = static_cast<int64_t>(frame_count);
  // Rows with fewer media are padded with zeros in place of a picture.
  const int64_t slots = model_.media_layout().tile_slots(), padding = std::ssize(prepared.contents);
  prepared.index =
      (at::arange(most, at::kLong) % slots + padding).view({1, most, 1}).repeat({batch, 1, longest});
  prepared.frames = at::full({batch, most}, longest, at::kLong);
  auto* index = prepared.index.mutable_data_ptr<int64_t>();
  auto* frames = prepared.frames.mutable_data_ptr<int64_t>();
  for (size_t row = 0; row < places.size(); ++row) {
    for (size_t t = 0; t < places[row].size(); ++t) {
      const size_t at_media = row * media_count + t;
      frames[at_media] = std::ssize(places[row][t]);
      std::ranges::copy(places[row][t], index + at_media * frame_count);
    }
  }
  if (prepared.index.ge(padding).any().item().toBool()) {
    prepared.contents.resize(prepared.contents.size() + static_cast<size_t>(slots));
    features.push_back(features_of_zeros());
    if (!pixels.empty()) pixels.push_back(zeros().pixels);
  }
  prepared.features = at::cat(features);
  if (!pixels.empty()) prepared.pixels = at::cat(pixels);
  return prepared;
}

VisionInput MediaEncoder::zeros() const {
  const VisionBackbone& backbone = model_.vision_backbone();
  return missing_picture(model_.media_layout(), backbone.image_size(), backbone.shape(), at::kFloat);
}

at::Tensor MediaEncoder::features_of_zeros() const {
  at::Tensor features = cache_.find(keys_.key(""));
  if (features.defined()) return features;
  features = model_.encode_images(zeros()).tokens.clone();
  cache_.add(keys_.key(""), features);
  return features;
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
  return media.index_select(0, to_device(as_tensor(which), media.device()));
}

void MediaEncoder::resample(Prepared& prepared, StageTimes* times, Probe* probe) const {
  if (!prepared.index.defined()) return;
  const Features features = model_.given_features(prepared.features);
  const StageTimes::Scope timer(times, "resampler", model_.device());
  // Elements with different numbers of frames are resampled separately, because the resampler must not attend
  // to padding frames.
  const int64_t most = prepared.index.size(2), slots = model_.media_layout().tile_slots();
  for (int64_t count = 1; count <= most; ++count) {
    const at::Tensor here = prepared.frames == count;
    if (!here.any().item().toBool()) continue;
    const at::Tensor media = resample_distinct(features, prepared.index.narrow(2, 0, count), probe);
    at::Tensor& out = prepared.batch.media;
    const at::Tensor of_media =  // all slots of a medium have the same number of frames
        to_device(here.view({here.size(0), -1, slots}).select(2, 0), model_.device())
            .unsqueeze(-1)
            .unsqueeze(-1);
    out = out.defined() ? at::where(of_media, media, out) : media;
  }
}

}  // namespace flam
