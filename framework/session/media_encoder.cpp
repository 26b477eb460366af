#include "framework/session/media_encoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "framework/base/text.h"
#include "framework/generate/generate.h"

namespace flam {

namespace {

constexpr int64_t kMostPixels = 1'000'000'000;  // 3 GB
constexpr size_t kWindow = 16;                  // pictures that are loaded at a time
constexpr size_t kEncodedTogether = 32;

/// Loads and encodes the distinct pictures of a batch, a limited number at a time. After a picture is
/// encoded, only its features are kept.
class BatchLoader {
 public:
  BatchLoader(const Model& model, PictureLoader& loader, const FeatureKeys& keys, FeatureCache& cache,
              const MediaOptions& options)
      : model_(model), loader_(loader), keys_(keys), cache_(cache), options_(options) {}

  EncodedMedia run(std::span<const Prompt> prompts) {
    out_.places.resize(prompts.size());
    out_.errors.resize(prompts.size());
    for (size_t row = 0; row < prompts.size(); ++row) {
      for (const Part& media : prompts[row].media) {
        auto& frames = out_.places[row].emplace_back(media.pictures.size(), -1);
        for (size_t f = 0; f < frames.size(); ++f) want(media.pictures[f], row, frames[f]);
      }
    }
    // From here on, `out_.places` must not reallocate, because `wanted_` points into it.
    size_t begun = 0;
    std::vector<std::shared_future<LoadedPicture>> loads(wanted_.size());
    for (size_t i = 0; i < wanted_.size(); ++i) {
      for (; begun < std::min(wanted_.size(), i + kWindow); ++begun) {
        if (wanted_[begun].same_as == begun)
          loads[begun] = loader_.begin(*wanted_[begun].source, options_.with_pixels);
      }
      if (wanted_[i].same_as == i) {
        take(wanted_[i], std::exchange(loads[i], {}));
      } else {
        repeat(wanted_[wanted_[i].same_as], wanted_[i]);
      }
      if (waiting_.size() == kEncodedTogether) encode();
    }
    encode();
    return std::move(out_);
  }

 private:
  struct Wanted {
    const PictureSource* source;
    size_t row;
    int64_t* place;
    size_t same_as;  // index of the first entry with this source; its own index if it is the first
  };

  void want(const PictureSource& source, size_t row, int64_t& place) {
    size_t first = wanted_.size();
    if (!source.picture && !source.features.defined())
      first = by_name_.try_emplace(name_in_memory(source), first).first->second;
    wanted_.push_back({&source, row, &place, first});
  }

  void repeat(const Wanted& before, const Wanted& wanted) {
    *wanted.place = *before.place;
    if (*before.place < 0 && !out_.errors[wanted.row]) out_.errors[wanted.row] = out_.errors[before.row];
  }

  void take(const Wanted& wanted, const std::shared_future<LoadedPicture>& load) {
    LoadedPicture picture;
    try {
      picture = loader_.finish(load);
    } catch (const Error&) {
      if (!out_.errors[wanted.row]) out_.errors[wanted.row] = std::current_exception();
      return;
    }
    if (options_.times && picture.decode_milliseconds)
      options_.times->add("decode", *picture.decode_milliseconds);
    if (options_.times && picture.transform_milliseconds)
      options_.times->add("transform", *picture.transform_milliseconds);
    const auto [found, is_new] = places_.try_emplace(picture.content, std::ssize(out_.contents));
    *wanted.place = found->second;
    if (!is_new) return;
    out_.contents.push_back(picture.content);
    out_.features.push_back(picture.features.defined() ? model_.given_features(picture.features).tokens
                                                       : at::Tensor());
    if (options_.with_pixels) out_.pixels.push_back(picture.pixels);
    if (picture.features.defined()) return;
    waiting_.push_back(found->second);
    waiting_pixels_.push_back(picture.pixels);
  }

  void encode() {
    if (waiting_.empty()) return;
    const StageTimes::Scope timer(options_.times, "vision", model_.device());
    const Features fresh = model_.encode_images(at::stack(waiting_pixels_));
    for (size_t i = 0; i < waiting_.size(); ++i) {
      at::Tensor& features = out_.features[static_cast<size_t>(waiting_[i])];
      features = fresh.tokens.select(0, static_cast<int64_t>(i)).clone();
      cache_.add(keys_.key(out_.contents[static_cast<size_t>(waiting_[i])]), features);
    }
    waiting_.clear();
    waiting_pixels_.clear();
  }

  const Model& model_;
  PictureLoader& loader_;
  const FeatureKeys& keys_;
  FeatureCache& cache_;
  const MediaOptions& options_;
  EncodedMedia out_;
  std::vector<Wanted> wanted_;
  std::unordered_map<std::string, size_t> by_name_;
  std::unordered_map<std::string, int64_t> places_;
  std::vector<int64_t> waiting_;  // pictures whose features are not known yet
  std::vector<at::Tensor> waiting_pixels_;
};

}  // namespace

MediaEncoder::MediaEncoder(const Model& model, const TransformChain& transforms,
                           const DecodeOptions& pictures, const std::string& setting, int threads)
    : model_(model), keys_(setting), loader_(transforms, pictures, keys_, cache_, threads) {}

void MediaEncoder::measure(std::vector<Part>& parts) const {
  int64_t pixels = 0;
  for (Part& media : parts) {
    if (media.kind == Part::Kind::text) continue;
    if (media.pictures.empty()) throw Error("a video needs at least one frame");
    for (PictureSource& source : media.pictures) {
      if (const std::string wrong = what_is_wrong(source); !wrong.empty())
        throw Error(cat("a picture of the request ", wrong));
      if (source.features.defined()) {
        model_.check_features(source.features);
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

void MediaEncoder::prefetch(const std::vector<Part>& parts) const {
  for (const Part& media : parts) {
    for (const PictureSource& source : media.pictures) loader_.prefetch(source);
  }
}

void MediaEncoder::drop_prefetched() const {
  loader_.drop_prefetched();
}

EncodedMedia MediaEncoder::load(std::span<const Prompt> prompts, const MediaOptions& options) const {
  std::vector<Prompt> measured(prompts.begin(), prompts.end());
  std::vector<std::exception_ptr> refused(prompts.size());
  for (size_t row = 0; row < measured.size(); ++row) {
    try {
      measure(measured[row].media);
    } catch (const Error&) {
      refused[row] = std::current_exception();
      measured[row].media.clear();
    }
  }
  EncodedMedia out = BatchLoader(model_, loader_, keys_, cache_, options).run(measured);
  for (size_t row = 0; row < refused.size(); ++row) {
    if (refused[row]) out.errors[row] = refused[row];
  }
  return out;
}

Prepared MediaEncoder::arrange(const EncodedMedia& media, std::span<const size_t> rows) const {
  Prepared prepared;
  int64_t media_count = 0;
  int64_t frame_count = 1;
  for (const size_t row : rows) {
    media_count = std::max(media_count, std::ssize(media.places[row]));
    for (const auto& frames : media.places[row]) frame_count = std::max(frame_count, std::ssize(frames));
  }
  if (media_count == 0) return prepared;
  const auto batch = static_cast<int64_t>(rows.size());
  prepared.index = at::full({batch, media_count, frame_count}, -1, at::kLong);
  prepared.frames = at::full({batch, media_count}, frame_count, at::kLong);
  auto* index = prepared.index.mutable_data_ptr<int64_t>();
  auto* frames = prepared.frames.mutable_data_ptr<int64_t>();
  std::unordered_map<int64_t, int64_t> moved;  // from the places of `media` to those of `prepared`
  std::vector<at::Tensor> features, pixels;
  for (int64_t i = 0; i < batch; ++i) {
    const auto& places = media.places[rows[static_cast<size_t>(i)]];
    for (size_t t = 0; t < places.size(); ++t) {
      const int64_t at_media = i * media_count + static_cast<int64_t>(t);
      frames[at_media] = std::ssize(places[t]);
      for (size_t f = 0; f < places[t].size(); ++f) {
        const auto [to, is_new] = moved.try_emplace(places[t][f], std::ssize(features));
        if (is_new) {
          const auto from = static_cast<size_t>(places[t][f]);
          prepared.contents.push_back(media.contents[from]);
          features.push_back(media.features[from]);
          if (!media.pixels.empty()) pixels.push_back(media.pixels[from]);
        }
        index[at_media * frame_count + static_cast<int64_t>(f)] = to->second;
      }
    }
  }
  const at::Tensor missing = prepared.index < 0;
  if (missing.any().item().toBool()) {  // rows with fewer media are padded with a picture of zeros
    prepared.index.masked_fill_(missing, std::ssize(features));
    prepared.contents.emplace_back();
    features.push_back(features_of_zeros());
    const int64_t size = model_.vision_backbone().image_size();
    if (!pixels.empty()) pixels.push_back(at::zeros({3, size, size}, at::kFloat));
  }
  prepared.features = at::stack(features);
  if (!pixels.empty()) prepared.pixels = at::stack(pixels);
  return prepared;
}

at::Tensor MediaEncoder::features_of_zeros() const {
  at::Tensor features = cache_.find(keys_.key(""));
  if (features.defined()) return features;
  const int64_t size = model_.vision_backbone().image_size();
  features = model_.encode_images(at::zeros({1, 3, size, size}, at::kFloat)).tokens.select(0, 0).clone();
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
  return media.index_select(0, as_tensor(which).to(media.device()));
}

void MediaEncoder::resample(Prepared& prepared, StageTimes* times, Probe* probe) const {
  if (!prepared.index.defined()) return;
  const Features features = model_.given_features(prepared.features);
  const StageTimes::Scope timer(times, "resampler", model_.device());
  // Elements with different numbers of frames are resampled separately, because the resampler must not attend
  // to padding frames.
  const int64_t most = prepared.index.size(2);
  for (int64_t count = 1; count <= most; ++count) {
    const at::Tensor here = prepared.frames == count;
    if (!here.any().item().toBool()) continue;
    const at::Tensor media = resample_distinct(features, prepared.index.narrow(2, 0, count), probe);
    at::Tensor& out = prepared.batch.media;
    out = out.defined() ? at::where(here.to(model_.device()).unsqueeze(-1).unsqueeze(-1), media, out) : media;
  }
}

}  // namespace flam
