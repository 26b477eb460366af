#include "framework/train/objective.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/nll_loss.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <limits>

#include "framework/base/text.h"
#include "framework/device/to_device.h"
#include "framework/model/forward.h"
#include "framework/train/row_inputs.h"

namespace flam {

namespace {

using Kind = TrainConfig::Objective;

// The cross-entropy of linear classifiers on tokens [N,G,D], summed over the K columns of labels [N,G,K].
at::Tensor label_loss(const at::Tensor& tokens, const at::Tensor& labels, const std::vector<Weight>& heads) {
  at::Tensor total;
  const at::Tensor rows = tokens.flatten(0, 1).to(at::kFloat);
  for (size_t k = 0; k < heads.size(); ++k) {
    const at::Tensor logits = rows.matmul(heads[k].tensor().t());
    const at::Tensor loss =
        at::cross_entropy_loss(logits, labels.select(2, static_cast<int64_t>(k)).flatten());
    total = total.defined() ? total + loss : loss;
  }
  return total;
}

/// Keeps the probabilities of a resampler with a classifier: [B,T,F,L,classes].
class ClassProbe final : public Probe {
 public:
  void record(std::string_view stage, int64_t /*layer*/, const at::Tensor& value) override {
    if (stage == "class_probabilities") probabilities = value;
  }
  at::Tensor probabilities;
};

void check_count(const char* what, int64_t labelled, int64_t tokens, const char* parameter) {
  if (labelled != tokens) {
    throw Error(cat("the dataset labels ", labelled, " ", what, " per picture, but the model has ", tokens,
                    "; change dataset.", parameter));
  }
}

}  // namespace

const std::string& the_reference(const Record& record) {
  if (record.references.empty())
    throw Error(cat("record ", quoted(record.request.id), " has no reference to train on"));
  return record.references.front();
}

at::Tensor media_shown(const at::Tensor& media, const at::Tensor& shown) {
  if (!shown.defined() || !media.defined()) return media;
  const at::Tensor rows = media.select(1, 0).index_select(0, to_device(shown.flatten(), media.device()));
  return rows.view({shown.size(0), shown.size(1), media.size(2), media.size(3)});
}

Objective::Objective(const TrainingParts& parts, WeightStore& label_weights)
    : parts_(parts),
      with_pictures_(parts.config.objective != Kind::text),
      with_labels_(parts.config.objective == Kind::labels ||
                   (parts.config.objective == Kind::answers && parts.config.label_weight > 0)),
      source_(parts, parts.tasks, with_pictures_) {
  const Dataset& dataset = *parts.tasks.front().dataset;
  if (parts.config.objective == Kind::classes) {
    const std::vector<int64_t> classes = dataset.media_label_classes();
    if (classes.size() != 1) {
      throw Error(
          "the objective `classes` needs a dataset that gives the class of each picture (the dataset "
          "'image_folder' does, for a folder with one subfolder for each class)");
    }
    classes_ = classes.front();
  }
  if (!with_labels_) return;
  const WeightScope scope(label_weights, "labels");
  patch_heads_ = declare_heads(scope / "patch", dataset.patch_label_classes(),
                               parts.model.vision_backbone().shape().width);
  if (from_features() && !patch_heads_.empty()) {
    throw Error(
        "the labels of patches train the backbone, which doesn't run, because the dataset gives features; "
        "use "
        "a dataset of pictures, or leave these labels out");
  }
  media_heads_ =
      declare_heads(scope / "media", dataset.media_label_classes(), parts.model.resampler().shape().width);
  if (patch_heads_.empty() && media_heads_.empty()) {
    throw Error(
        "the objective needs classes of patches or media tokens, but the dataset gives none (the "
        "dataset 'scenes' gives them with label_patch_size or label_cells)");
  }
}

Objective Objective::on(const std::vector<TrainedTask>& tasks) const {
  Objective other = *this;
  other.source_ = BatchSource(parts_, tasks, with_pictures_);
  return other;
}

std::vector<Weight> Objective::declare_heads(const WeightScope& scope, const std::vector<int64_t>& classes,
                                             int64_t width) const {
  std::vector<Weight> heads;
  heads.reserve(classes.size());
  for (const int64_t count : classes) {
    heads.push_back(scope.tensor(std::to_string(heads.size()), {count, width}, Init::normal(0.02)));
  }
  return heads;
}

Features Objective::features_of(const DrawnBatch& drawn) const {
  return from_features() ? parts_.model.given_features(drawn.pictures)
                         : parts_.model.encode_images(drawn.pictures);
}

at::Tensor Objective::media_of(const Features& features, Probe* probe) const {
  const int64_t pictures = features.tokens.size(0);
  return parts_.model.resample(features, at::arange(pictures, at::kLong).view({pictures, 1, 1}), probe);
}

at::Tensor Objective::class_loss(const Features& features, const at::Tensor& labels) const {
  ClassProbe probe;
  media_of(features, &probe);
  if (!probe.probabilities.defined()) {
    throw Error(cat(
        "the objective `classes` trains the classifier of the resampler, but this resampler has none; set "
        "model.resampler to {type: classifier_tokens, num_classes: ",
        classes_, "}"));
  }
  const at::Tensor probabilities = probe.probabilities.select(2, 0).select(1, 0);  // [N,L,classes]
  if (probabilities.size(2) != classes_) {
    throw Error(cat("the dataset has ", classes_, " classes, but the resampler's classifier has ",
                    probabilities.size(2), "; set model.resampler.num_classes to ", classes_));
  }
  if (probabilities.size(1) == features.grid_h * features.grid_w) {
    throw Error(
        "the objective `classes` needs the resampler's token of the whole picture; set "
        "model.resampler.pooled to true");
  }
  if (labels.size(1) != 1) {
    throw Error(cat("the objective `classes` needs one label per picture, but the dataset labels ",
                    labels.size(1), " media tokens"));
  }
  const at::Tensor whole = probabilities.select(1, 0).to(at::kFloat);
  return at::nll_loss(whole.clamp_min(std::numeric_limits<float>::min()).log(), labels.flatten());
}

TextRow Objective::row_of(size_t task, const Record& record) const {
  const TaskHead& head = *source_.tasks()[task].head;
  TextRow row = text_row(head, parts_.model, record.request, the_reference(record));
  if (source_.tasks()[task].shots && parts_.config.learn_shots)
    learn_shots(head, parts_.model, record.request, row);
  return row;
}

at::Tensor Objective::text_loss(size_t task, const std::vector<Record>& records,
                                const at::Tensor& media) const {
  const Model& model = parts_.model;
  std::vector<TextRow> rows;
  rows.reserve(records.size());
  for (const Record& record : records) rows.push_back(row_of(task, record));
  const bool text_alone = parts_.config.objective == Kind::text;
  const TextBatch batch = text_batch(rows, model.tokenizer().pad_id(), text_alone, model.image_token_id());
  const at::Tensor learnt = to_device((batch.target.flatten() != -100).nonzero().squeeze(1), model.device());
  at::Tensor hidden;
  if (text_alone) {
    const LanguageDecoder& decoder = model.language_decoder();
    const at::Tensor ids = to_device(batch.ids, model.device()), mask = to_device(batch.mask, model.device());
    hidden =
        decoder.run(0, decoder.num_layers(), decoder.embed(ids),
                    DecodeStep{positions_of(mask), causal_mask(mask.size(0), mask.size(1), mask.options()),
                               nullptr, nullptr});
  } else {
    hidden = at_tokens(model.forward(Batch{batch.ids, batch.mask, media}));
  }
  const at::Tensor target = to_device(batch.target.flatten(), model.device());
  const at::Tensor logits = model.logits(hidden.flatten(0, 1).index_select(0, learnt));
  return at::cross_entropy_loss(logits.to(at::kFloat), target.index_select(0, learnt));
}

StepLoss Objective::loss(int64_t step, int64_t first, int64_t count) const {
  const bool without_text = parts_.config.objective == Kind::labels || classes_ > 0;
  const DrawnBatch drawn = source_.draw(step, first, count, without_text ? 1 : source_.tasks().size());
  const at::Device device = parts_.model.device();
  StepLoss out;
  const auto add = [&](const std::string& name, const at::Tensor& loss, double weight) {
    out.parts.emplace_back(name, loss.detach());
    out.total = out.total.defined() ? out.total + loss * weight : loss * weight;
  };
  Features features;
  if (with_pictures_) features = features_of(drawn);
  if (classes_ > 0) {
    add("classes", class_loss(features, to_device(at::stack(drawn.media_labels), device)), 1.0);
    return out;
  }
  const at::Tensor media =
      with_pictures_ && (!media_heads_.empty() || parts_.config.objective == Kind::answers)
          ? media_of(features)
          : at::Tensor();
  const double label_weight = parts_.config.objective == Kind::answers ? parts_.config.label_weight : 1.0;
  if (!patch_heads_.empty()) {
    const at::Tensor patches =
        features.tokens.narrow(1, features.prefix_tokens, features.grid_h * features.grid_w);
    const at::Tensor labels = to_device(at::stack(drawn.patch_labels), device);
    check_count("patches", labels.size(1), patches.size(1), "label_patch_size");
    add("patches", label_loss(patches.narrow(0, 0, count), labels, patch_heads_), label_weight);
  }
  if (!media_heads_.empty()) {
    const at::Tensor labels = to_device(at::stack(drawn.media_labels), device);
    const int64_t labelled = labels.size(1);
    const at::Tensor tokens = media.select(1, 0).narrow(0, 0, count);
    check_count("media tokens", labelled, std::min(labelled, tokens.size(1)), "label_cells");
    add("media", label_loss(tokens.narrow(1, 0, labelled), labels, media_heads_), label_weight);
  }
  if (parts_.config.objective == Kind::labels) return out;
  for (size_t t = 0; t < drawn.records.size(); ++t) {
    const at::Tensor seen = media.defined() ? media_shown(media, drawn.shown[t]) : media;
    add(source_.tasks()[t].head->answer_field(), text_loss(t, drawn.records[t], seen), 1.0);
  }
  return out;
}

}  // namespace flam
