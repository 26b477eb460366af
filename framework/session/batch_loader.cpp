#include "framework/session/batch_loader.h"

#include <ATen/ops/cat.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "framework/model/laid_out.h"
#include "framework/session/batch_memory.h"

namespace flam {

namespace {

constexpr size_t kWindow = 16;            // pictures that are loaded at a time
constexpr int64_t kEncodedTogether = 32;  // crops

class BatchLoader {
 public:
  explicit BatchLoader(const BatchLoading& with)
      : model_(with.model),
        loader_(with.loader),
        keys_(with.keys),
        cache_(with.cache),
        options_(with.options) {}

  EncodedMedia run(std::span<const Prompt> prompts, std::span<const Plans> plans) {
    out_.places.resize(prompts.size());
    out_.errors.resize(prompts.size());
    for (size_t row = 0; row < prompts.size(); ++row) {
      for (size_t m = 0; m < prompts[row].media.size(); ++m) {
        const Part& media = prompts[row].media[m];
        auto& frames = out_.places[row].emplace_back(media.pictures.size(), -1);
        for (size_t f = 0; f < frames.size(); ++f)
          want({&media.pictures[f], media.kind == Part::Kind::image}, plans[row][m][f], row, frames[f]);
      }
    }
    int64_t crops = 0;
    for (size_t i = 0; i < wanted_.size(); ++i) crops += wanted_[i].same_as == i ? wanted_[i].plan->crops : 0;
    require_memory_for_features(model_, crops);
    // From here on, `out_.places` must not reallocate, because `wanted_` points into it.
    size_t begun = 0;
    std::vector<std::shared_future<LoadedPicture>> loads(wanted_.size());
    for (size_t i = 0; i < wanted_.size(); ++i) {
      for (; begun < std::min(wanted_.size(), i + kWindow); ++begun) {
        if (wanted_[begun].same_as == begun)
          loads[begun] = loader_.begin(wanted_[begun].picture, options_.with_pixels);
      }
      if (wanted_[i].same_as == i) {
        take(wanted_[i], std::exchange(loads[i], {}));
      } else {
        repeat(wanted_[wanted_[i].same_as], wanted_[i]);
      }
      if (waiting_crops_ >= kEncodedTogether) encode();
    }
    encode();
    return std::move(out_);
  }

 private:
  struct Wanted {
    WantedPicture picture;
    const MediaPlan* plan;
    size_t row;
    int64_t* place;
    size_t same_as;  // index of the first entry with this source; its own index if it is the first
  };

  void want(const WantedPicture& picture, const MediaPlan& plan, size_t row, int64_t& place) {
    size_t first = wanted_.size();
    if (!picture.source->picture && !picture.source->features.defined())
      first = by_name_.try_emplace(loader_.name(picture), first).first->second;
    wanted_.push_back({picture, &plan, row, &place, first});
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
    waiting_plans_.push_back(*wanted.plan);
    waiting_crops_ += picture.pixels.size(0);
  }

  void encode() {
    if (waiting_.empty()) return;
    const StageTimes::Scope timer(options_.times, "vision", model_.device());
    const Features fresh = model_.encode_images(vision_input(
        at::cat(waiting_pixels_), waiting_plans_, model_.media_layout(), model_.vision_backbone().shape()));
    int64_t first = 0;
    for (size_t i = 0; i < waiting_.size(); ++i) {
      at::Tensor& features = out_.features[static_cast<size_t>(waiting_[i])];
      const int64_t crops = waiting_pixels_[i].size(0);
      features = fresh.tokens.narrow(0, first, crops).clone();
      first += crops;
      cache_.add(keys_.key(out_.contents[static_cast<size_t>(waiting_[i])]), features);
    }
    waiting_.clear();
    waiting_pixels_.clear();
    waiting_plans_.clear();
    waiting_crops_ = 0;
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
  std::vector<MediaPlan> waiting_plans_;
  int64_t waiting_crops_ = 0;
};

}  // namespace

EncodedMedia load_batch(std::span<const Prompt> prompts, std::span<const Plans> plans,
                        const BatchLoading& with) {
  return BatchLoader(with).run(prompts, plans);
}

}  // namespace flam
