// dataset `scenes`: generated pictures of a few shapes, with captions or questions in varied wording.
// metric `scene_truth`: checks whether a caption is true of its scene, whatever its wording.
#include <ATen/ops/empty.h>

#include <algorithm>
#include <numeric>

#include "framework/sdk.h"
#include "plugins/dataset/scenes/draw.h"
#include "plugins/dataset/scenes/grammar.h"
#include "plugins/dataset/scenes/truth.h"

namespace flam {

namespace {

struct ScenesParams {
  Split split = Split::test;
  int64_t size = 1000;
  int64_t seed = 0;
  int64_t picture_size = 80;
  int64_t min_objects = 1;
  int64_t max_objects = 4;
  int64_t records_per_picture = 1;
  int64_t label_patch_size = 0;
  int64_t label_cells = 0;

  void visit(ParamVisitor& v) {
    v("split", split,
      "which scenes: train and test scenes have different combinations of shape, colour and size",
      choices("train", "test"));
    v("size", size, "number of records", at_least(1));
    v("seed", seed, "seed from which the scenes are drawn");
    v("picture_size", picture_size, "width and height of the pictures, pixels", between(32, 1024));
    v("min_objects", min_objects, "minimum number of objects in a scene", between(1, 4));
    v("max_objects", max_objects, "maximum number of objects in a scene", between(1, 4));
    v("records_per_picture", records_per_picture, "number of consecutive records that share a scene",
      at_least(1));
    v("label_patch_size", label_patch_size,
      "also give the classes of patches of this size (pixels), to pretrain a backbone; 0: none", at_least(0));
    v("label_cells", label_cells,
      "also give the classes of a grid with this many cells per side, to pretrain a resampler; 0: none",
      at_least(0));
  }
};

SceneOptions options_of(const ScenesParams& params) {
  if (params.min_objects > params.max_objects) throw Error("min_objects is larger than max_objects");
  return {static_cast<int>(params.picture_size), static_cast<int>(params.min_objects),
          static_cast<int>(params.max_objects)};
}

// Neighbouring seeds must not share scenes.
uint64_t scene_seed(int64_t seed, int64_t index) {
  const auto word = static_cast<uint64_t>(seed);
  return ((word << 34) ^ ((word >> 30) * 0x9e3779b97f4a7c15u)) + static_cast<uint64_t>(index);
}

Picture picture_of(const Scene& scene) {
  const cv::Mat drawn = draw_scene(scene);
  at::Tensor rgb = at::empty({drawn.rows, drawn.cols, 3}, at::kByte);
  drawn.copyTo(cv::Mat(drawn.rows, drawn.cols, CV_8UC3, rgb.mutable_data_ptr<uint8_t>()));
  return {rgb};
}

at::Tensor label_table(size_t rows, const std::vector<int64_t>& values) {
  at::Tensor out =
      at::empty({static_cast<int64_t>(rows), static_cast<int64_t>(values.size() / rows)}, at::kLong);
  std::copy(values.begin(), values.end(), out.mutable_data_ptr<int64_t>());
  return out;
}

// Columns: shape, colour, size (0: background), whether the centre is here, and the patch's own column and
// row, because the resampler needs to know the place of each token.
at::Tensor patch_labels_of(const Scene& scene, int64_t patch) {
  const auto labels = label_patches(scene, static_cast<int>(patch));
  const int64_t side = scene.extent / patch;
  std::vector<int64_t> values;
  for (const PatchLabel& label : labels) {
    const auto i = static_cast<int64_t>(values.size() / 6);
    values.insert(values.end(), {label.shape, label.colour, label.size, label.centre, i % side, i / side});
  }
  return label_table(labels.size(), values);
}

// Columns: shape, colour, size, and where in the cell the centre lies (0: not here), which gives the order.
at::Tensor cell_labels_of(const Scene& scene, int64_t cells) {
  const auto labels = label_patches(scene, static_cast<int>(scene.extent / cells));
  std::vector<int64_t> values;
  for (const PatchLabel& label : labels) {
    values.insert(values.end(),
                  {label.shape, label.colour, label.size, label.centre_column, label.centre_row});
  }
  return label_table(labels.size(), values);
}

// The numbers of classes of shape, colour and size (0 is background), then those of the other columns.
std::vector<int64_t> label_classes(std::initializer_list<int64_t> more) {
  std::vector<int64_t> classes{std::ssize(kShapes) + 1, std::ssize(kColours) + 1, std::ssize(kSizes) + 1};
  classes.insert(classes.end(), more);
  return classes;
}

class Scenes final : public Dataset {
 public:
  Scenes(const ScenesParams& params, const Input& input)
      : params_(params),
        options_(std::make_shared<const SceneOptions>(options_of(params))),
        questions_(input.with_question),
        choices_(input.with_candidates) {
    if (input.seed) params_.seed = *input.seed;
    if (input.records_per_picture) params_.records_per_picture = *input.records_per_picture;
    if (input.limit) params_.size = std::min(params_.size, *input.limit);
    const auto divides = [&](int64_t part) { return part == 0 || params.picture_size % part == 0; };
    if (!divides(params.label_patch_size) || !divides(params.label_cells)) {
      throw Error(cat("label_patch_size and label_cells must divide picture_size ", params.picture_size));
    }
  }

  int64_t size() const override { return params_.size; }

  Record at(int64_t index) const override {
    const int64_t which = index / params_.records_per_picture;
    const uint64_t seed = scene_seed(params_.seed, which);
    // Consecutive records share a scene, which is drawn once.
    thread_local Drawn drawn;
    if (drawn.options.lock() != options_ || drawn.seed != seed) {
      const Scene sampled = sample_scene(seed, params_.split, *options_);
      drawn = {options_, seed, sampled, picture_of(sampled)};
    }
    const Scene& scene = drawn.scene;
    const auto variant = static_cast<uint64_t>(index % params_.records_per_picture);
    Record record;
    record.request.id = cat("scene ", params_.seed, ".", which);
    Part image{Part::Kind::image, "", {PictureSource{"", nullptr, drawn.picture}}};
    record.request.parts.push_back(std::move(image));
    if (questions_) {
      const Question question = ask(scene, variant);
      record.request.parts.push_back({Part::Kind::text, question.text, {}});
      record.references = {question.answer};
      if (choices_) record.request.candidates = answers_to(question.kind);
      record.kind = kQuestionKinds[static_cast<size_t>(question.kind)];
    } else {
      record.references = {describe_scene(scene, variant)};
    }
    record.facts = Value::map();
    record.facts.set("seed", static_cast<int64_t>(seed));
    record.facts.set("split", static_cast<int64_t>(params_.split));
    record.facts.set("picture_size", params_.picture_size);
    record.facts.set("min_objects", params_.min_objects);
    record.facts.set("max_objects", params_.max_objects);
    if (params_.label_patch_size > 0) record.patch_labels = patch_labels_of(scene, params_.label_patch_size);
    if (params_.label_cells > 0) record.media_labels = cell_labels_of(scene, params_.label_cells);
    return record;
  }

  std::vector<int64_t> patch_label_classes() const override {
    if (params_.label_patch_size == 0) return {};
    const int64_t side = params_.picture_size / params_.label_patch_size;
    return label_classes({2, side, side});
  }

  std::vector<int64_t> media_label_classes() const override {
    if (params_.label_cells == 0) return {};
    return label_classes({kCentreQuarters + 1, kCentreQuarters + 1});
  }

 private:
  struct Drawn {
    std::weak_ptr<const SceneOptions> options;
    uint64_t seed = 0;
    Scene scene;
    Picture picture;
  };

  ScenesParams params_;
  std::shared_ptr<const SceneOptions> options_;  // of this dataset alone, whose scenes it identifies
  bool questions_, choices_;
};

struct NoParams {
  void visit(ParamVisitor&) {}
};

class SceneTruth final : public Metric {
 public:
  explicit SceneTruth(const NoParams&) {}

  class Counter final : public Accumulator {
   public:
    void add(const Record& record, const Prediction& prediction) override {
      const auto number = [&](const char* key) {
        const Value* value = record.facts.find(key);
        if (!value) throw Error("metric 'scene_truth' needs the records of dataset 'scenes'");
        return value->as_int();
      };
      const SceneOptions options{static_cast<int>(number("picture_size")),
                                 static_cast<int>(number("min_objects")),
                                 static_cast<int>(number("max_objects"))};
      const Scene scene =
          sample_scene(static_cast<uint64_t>(number("seed")), static_cast<Split>(number("split")), options);
      const Truth truth = check_caption(prediction.text, scene);
      truths_.push_back(truth);
    }

    Scores scores() const override {
      std::vector<int64_t> all(truths_.size());
      std::iota(all.begin(), all.end(), 0);
      return scores_of(all);
    }
    Scores scores_of(const std::vector<int64_t>& records) const override {
      int64_t all_true = 0, stated = 0, expected = 0;
      for (const int64_t record : records) {
        all_true += truths_[record].all_true;
        stated += truths_[record].stated;
        expected += truths_[record].expected;
      }
      const auto mean = [&](int64_t sum) {
        return records.empty() ? 0 : static_cast<double>(sum) / static_cast<double>(records.size());
      };
      return {{"true", mean(all_true)},
              {"attributes_stated", mean(stated)},
              {"attributes_expected", mean(expected)}};
    }

   private:
    std::vector<Truth> truths_;  // of each record
  };

  std::unique_ptr<Accumulator> start() const override { return std::make_unique<Counter>(); }
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<Scenes, ScenesParams>(
      "scenes", "generated pictures of shapes with captions or questions; no files needed");
  registrar.add<SceneTruth, NoParams>(
      "scene_truth",
      "share of captions that are true in every attribute they state, and how many they state");
}

}  // namespace flam
