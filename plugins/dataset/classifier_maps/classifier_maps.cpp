// dataset `classifier_maps`: feature maps made for a frozen backbone and a linear classifier on it, with
// captions and questions about what the classifier sees in them. The only pictures it needs are those whose
// features become the backgrounds.
#include <algorithm>
#include <memory>

#include "framework/sdk.h"
#include "plugins/dataset/classifier_maps/grammar.h"
#include "plugins/dataset/classifier_maps/maps.h"

namespace flam {

namespace {

struct ClassifierMapsParams {
  std::string maps, classifier, classes;
  std::string classifier_prefix = "classifier.";
  int64_t size = 1000;
  int64_t seed = 0;
  int64_t records_per_picture = 1;
  double unsure_below = 0.2;
  std::vector<std::string> plain_kinds = {"device", "man-made object", "thing"};
  MapOptions options;

  void visit(ParamVisitor& v) {
    v("maps", maps,
      "file with the backbone's features [N,P,D] of ordinary pictures, which become the backgrounds (`flam "
      "features` writes it)",
      required(), path());
    v("classifier", classifier, "checkpoint with the weight [C,D] and bias [C] of the classifier", required(),
      path());
    v("classifier_prefix", classifier_prefix, "beginning of their names in the checkpoint, with the dot");
    v("classes", classes,
      "text file with a line for each class of the classifier: its name, a tab, and its kinds, the nearest "
      "first, separated by commas",
      required(), path());
    v("size", size, "number of records", at_least(1));
    v("seed", seed, "seed from which the maps are drawn");
    v("records_per_picture", records_per_picture, "number of consecutive records that share a map",
      at_least(1));
    v("unsure_below", unsure_below,
      "the caption names two classes if the classifier's confidence is below this", between(0, 1));
    v("plain_kinds", plain_kinds, "kinds that captions don't mention, because they say little");
    v("two_objects", options.two_objects, "the share of maps that show two objects", between(0, 1));
    v("unclear", options.unclear,
      "the share of maps whose objects lead the other classes by at most 1.5 logits", between(0, 1));
    v("max_margin", options.max_margin,
      "largest number of logits by which an object's class leads the others", between(1.5, 50));
    v("background_logit", options.background_logit, "largest logit that a background is left with",
      between(-20, 20));
    v("noise", options.noise, "largest standard deviation of the noise, relative to each value",
      between(0, 10));
  }
};

// Neighbouring seeds must not share maps.
uint64_t map_seed(int64_t seed, int64_t index) {
  return Random(static_cast<uint64_t>(seed)).next() + static_cast<uint64_t>(index);
}

/// Error: the checkpoint has no such tensor of numbers. The message names the parameter and its file, and
/// says what to do.
at::Tensor tensor_of(const Checkpoint& checkpoint, const std::string& name, const std::string& source,
                     const char* hint) {
  if (!std::ranges::binary_search(checkpoint.names(), name)) {
    throw Error(
        cat(source, " has no tensor ", quoted(name), did_you_mean(name, checkpoint.names()), "; ", hint));
  }
  at::Tensor tensor = checkpoint.tensor(name);
  if (!tensor.is_floating_point()) {
    throw Error(cat(source, ": the tensor ", quoted(name), " holds ", tensor.scalar_type(),
                    ", expected floating-point numbers; ", hint));
  }
  return tensor;
}

class ClassifierMapsDataset final : public Dataset {
 public:
  ClassifierMapsDataset(const ClassifierMapsParams& params, const Input& input)
      : params_(params), questions_(input.with_question), choices_(input.with_candidates) {
    if (input.seed) params_.seed = *input.seed;
    if (input.records_per_picture) params_.records_per_picture = *input.records_per_picture;
    if (input.limit) params_.size = std::min(params_.size, *input.limit);
    const auto base = open_checkpoint(params.maps), classifier = open_checkpoint(params.classifier);
    const auto of_classifier = [&](const char* name) {
      return tensor_of(
          *classifier, params.classifier_prefix + name, cat("`classifier` ", quoted(params.classifier)),
          "set classifier_prefix to the beginning of the names of the classifier's weight and bias");
    };
    const at::Tensor features = tensor_of(*base, "features", cat("`maps` ", quoted(params.maps)),
                                          "`flam features` writes such a file");
    const at::Tensor weight = of_classifier("weight"), bias = of_classifier("bias");
    maps_ = std::make_unique<const ClassifierMaps>(features, weight, bias, params.options);
    ClassifierMapsParams drawing = params;  // what a map depends on, besides its seed
    drawing.size = drawing.seed = 0;
    drawing.records_per_picture = 1;
    source_ = write_json(write_params(ParamsRef(drawing)));
    grammar_ = std::make_unique<MapGrammar>(read_classes(params.classes, maps_->classes()),
                                            params.unsure_below, params.plain_kinds);
  }

  int64_t size() const override { return params_.size; }

  Record at(int64_t index) const override {
    const int64_t which = index / params_.records_per_picture;
    const uint64_t seed = map_seed(params_.seed, which);
    // Consecutive records share a map, and so do the datasets of several task heads. It is drawn once.
    thread_local Drawn drawn;
    if (drawn.of != source_ || drawn.seed != seed) drawn = {source_, seed, maps_->draw(seed)};
    Random random(seed ^ Random(static_cast<uint64_t>(index % params_.records_per_picture) + 1).next());
    Record record;
    record.request.id = cat("map ", params_.seed, ".", which);
    PictureSource picture;
    picture.features = drawn.map.features;
    record.request.parts.push_back({Part::Kind::image, "", {std::move(picture)}});
    if (questions_) {
      const Question question = grammar_->ask(drawn.map, random);
      record.request.parts.push_back({Part::Kind::text, question.text, {}});
      record.references = {question.answer};
      record.kind = question.kind;
      if (choices_) record.request.candidates = question.candidates;
    } else {
      record.references = {grammar_->caption(drawn.map)};
      if (choices_) record.request.candidates = grammar_->captions_to_choose(drawn.map, random);
    }
    return record;
  }

 private:
  struct Drawn {
    std::string of;
    uint64_t seed = 0;
    FeatureMap map;
  };

  ClassifierMapsParams params_;
  bool questions_, choices_;
  std::unique_ptr<const ClassifierMaps> maps_;
  std::unique_ptr<MapGrammar> grammar_;
  std::string source_;  // equal for datasets that draw the same maps
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<ClassifierMapsDataset, ClassifierMapsParams>(
      "classifier_maps",
      "feature maps in which a linear classifier sees chosen classes at chosen places, with captions or "
      "questions");
}

}  // namespace flam
