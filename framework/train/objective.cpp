#include "framework/train/objective.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/nll_loss.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <limits>

#include "framework/base/random.h"
#include "framework/base/text.h"
#include "framework/device/to_device.h"
#include "framework/generate/generate.h"
#include "framework/media/decode.h"
#include "framework/model/forward.h"
#include "framework/nn/training.h"
#include "framework/train/text_rows.h"

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

const PictureSource& the_picture(const Record& record) {
  const PictureSource* found = nullptr;
  for (const Part& part : record.request.parts) {
    if (part.kind == Part::Kind::text) continue;
    if (found || part.pictures.size() != 1) {
      throw Error(cat("record ", quoted(record.request.id),
                      ": training takes only records with one picture, without shots or videos"));
    }
    found = &part.pictures.front();
  }
  if (!found) throw Error(cat("record ", quoted(record.request.id), " has no picture to train on"));
  return *found;
}

const std::string& the_reference(const Record& record) {
  if (record.references.empty())
    throw Error(cat("record ", quoted(record.request.id), " has no reference to train on"));
  return record.references.front();
}

bool same_picture(const PictureSource& a, const PictureSource& b) {
  if (a.path != b.path || a.features.defined() != b.features.defined()) return false;
  if (!a.features.defined() || a.features.is_set_to(b.features)) return true;
  return a.features.scalar_type() == b.features.scalar_type() && a.features.equal(b.features);
}

void require_picture_of(const Record& first, const Record& other) {
  if (first.request.id == other.request.id && same_picture(the_picture(first), the_picture(other))) return;
  throw Error(cat("records that should share a picture have different ones (", quoted(first.request.id),
                  " and ", quoted(other.request.id),
                  "); set train.records_per_picture to 1 for this dataset"));
}

void check_count(const char* what, int64_t labelled, int64_t tokens, const char* parameter) {
  if (labelled != tokens) {
    throw Error(cat("the dataset labels ", labelled, " ", what, " per picture, but the model has ", tokens,
                    "; change dataset.", parameter));
  }
}

}  // namespace

Objective::Objective(const TrainingParts& parts, WeightStore& label_weights)
    : parts_(parts),
      with_pictures_(parts.config.objective != Kind::text),
      with_labels_(parts.config.objective == Kind::labels ||
                   (parts.config.objective == Kind::answers && parts.config.label_weight > 0)) {
  use(parts.tasks);
  from_features_ = with_pictures_ && the_picture(parts.tasks.front().dataset->at(0)).features.defined();
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
  if (from_features_ && !patch_heads_.empty()) {
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

void Objective::use(const std::vector<TrainedTask>& tasks) {
  tasks_ = &tasks;
  pictures_.clear();
  for (const TrainedTask& task : tasks) {
    pictures_.push_back(task.dataset->size() / task.records_per_picture);
    if (pictures_.back() == 0) {
      throw Error(cat("the dataset has ", task.dataset->size(),
                      " records, fewer than train.records_per_picture, ", task.records_per_picture));
    }
  }
  // The records of all tasks share a picture, so all tasks start again at the same picture.
  if (with_pictures_)
    pictures_.assign(pictures_.size(), *std::min_element(pictures_.begin(), pictures_.end()));
}

Objective Objective::on(const std::vector<TrainedTask>& tasks) const {
  Objective other = *this;
  other.use(tasks);
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

at::Tensor Objective::input_of(const Record& record, Random* random) const {
  const PictureSource& source = the_picture(record);
  const auto fail = [&](const std::string& what) {
    throw Error(cat("record ", quoted(record.request.id), ": ", what));
  };
  if (source.features.defined() != from_features_) {
    fail(from_features_ ? "it has a picture, but the dataset's first record has features; give one kind"
                        : "it has features, but the dataset's first record has a picture; give one kind");
  }
  if (!from_features_) {
    const Picture picture = load_picture(source, parts_.pictures);
    const MediaLayout& layout = parts_.model.media_layout();
    if (!random) return parts_.transforms.apply(picture, layout, /*may_split=*/true)[0];
    return (parts_.augmentations ? *parts_.augmentations : parts_.transforms)
        .augment(picture, layout, *random)[0];
  }
  try {
    parts_.model.check_features(source.features);
  } catch (const Error& error) {
    fail(error.what());
  }
  return source.features;
}

Features Objective::features_of(const Drawn& drawn) const {
  return from_features_ ? parts_.model.given_features(drawn.pictures)
                        : parts_.model.encode_images(drawn.pictures);
}

Objective::Drawn Objective::draw(int64_t step, int64_t first, int64_t pictures) const {
  first += step * parts_.config.batch_size;
  const bool without_text = parts_.config.objective == Kind::labels || classes_ > 0;
  const size_t tasks = without_text ? 1 : tasks_->size();
  Drawn out;
  for (size_t t = 0; t < tasks; ++t) out.records.emplace_back(pictures * (*tasks_)[t].records_per_picture);
  const bool training = Training::is_on();  // of this thread, not of those that load the pictures
  const uint64_t seed = Random(static_cast<uint64_t>(parts_.config.seed)).next();
  std::vector<at::Tensor> inputs(pictures), patch_labels(pictures), media_labels(pictures);
  at::parallel_for(0, pictures, 1, [&](int64_t begin, int64_t end) {
    for (int64_t picture = begin; picture < end; ++picture) {
      for (size_t t = 0; t < tasks; ++t) {
        const TrainedTask& task = (*tasks_)[t];
        for (int64_t r = 0; r < task.records_per_picture; ++r) {
          const int64_t index = (first + picture) % pictures_[t] * task.records_per_picture + r;
          out.records[t][picture * task.records_per_picture + r] = task.dataset->at(index);
        }
      }
      const Record& record = out.records[0][picture * (*tasks_)[0].records_per_picture];
      if (with_pictures_) {
        for (const auto& of_task : out.records) {
          const size_t count = of_task.size() / static_cast<size_t>(pictures);
          for (size_t r = 0; r < count; ++r) require_picture_of(record, of_task[picture * count + r]);
        }
        Random random(seed + static_cast<uint64_t>(first + picture));
        inputs[picture] = input_of(record, training ? &random : nullptr);
      }
      patch_labels[picture] = record.patch_labels;
      media_labels[picture] = record.media_labels;
    }
  });
  const at::Device device = parts_.model.device();
  if (with_pictures_) out.pictures = at::stack(inputs);
  if (!patch_heads_.empty()) out.patch_labels = to_device(at::stack(patch_labels), device);
  if (!media_heads_.empty() || classes_ > 0) out.media_labels = to_device(at::stack(media_labels), device);
  return out;
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

at::Tensor Objective::text_loss(size_t task, const std::vector<Record>& records,
                                const at::Tensor& media) const {
  const Model& model = parts_.model;
  std::vector<TextRow> rows;
  rows.reserve(records.size());
  for (const Record& record : records) {
    rows.push_back(text_row(*(*tasks_)[task].head, model, record.request, the_reference(record)));
  }
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
  const Drawn drawn = draw(step, first, count);
  StepLoss out;
  const auto add = [&](const std::string& name, const at::Tensor& loss, double weight) {
    out.parts.emplace_back(name, loss.detach());
    out.total = out.total.defined() ? out.total + loss * weight : loss * weight;
  };
  Features features;
  if (with_pictures_) features = features_of(drawn);
  if (classes_ > 0) {
    add("classes", class_loss(features, drawn.media_labels), 1.0);
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
    check_count("patches", drawn.patch_labels.size(1), patches.size(1), "label_patch_size");
    add("patches", label_loss(patches, drawn.patch_labels, patch_heads_), label_weight);
  }
  if (!media_heads_.empty()) {
    const int64_t labelled = drawn.media_labels.size(1);
    const at::Tensor tokens = media.select(1, 0);
    check_count("media tokens", labelled, std::min(labelled, tokens.size(1)), "label_cells");
    add("media", label_loss(tokens.narrow(1, 0, labelled), drawn.media_labels, media_heads_), label_weight);
  }
  if (parts_.config.objective == Kind::labels) return out;
  for (size_t t = 0; t < tasks_->size(); ++t) {
    add((*tasks_)[t].head->answer_field(), text_loss(t, drawn.records[t], media), 1.0);
  }
  return out;
}

std::vector<std::string> Objective::samples(int64_t step) const {
  std::vector<std::string> out;
  if (parts_.config.objective != Kind::answers) return out;
  const at::NoGradGuard no_grad;
  const Model& model = parts_.model;
  const Drawn drawn = draw(step, 0, 1);
  const at::Tensor media = media_of(features_of(drawn));
  GenerationParams params;
  params.max_new_tokens = 64;
  params.stop_tokens = parts_.stop_tokens;
  for (size_t t = 0; t < tasks_->size(); ++t) {
    const Record& record = drawn.records[t].front();
    TextRow row = text_row(*(*tasks_)[t].head, model, record.request, the_reference(record));
    row.ids.resize(row.prompt_length);
    const TextBatch batch = text_batch({row}, model.tokenizer().pad_id(), false, -1);
    const auto steps = model.start(Batch{batch.ids, batch.mask, media}, 1, params.max_new_tokens);
    GenerateInput input;
    input.prompts = {row.ids};
    input.stop_ids = stop_ids(params, model.tokenizer());
    const auto results = generate(*steps, input, params);
    std::string question;
    for (const Part& part : record.request.parts)
      question += part.kind == Part::Kind::text ? part.text + " → " : "";
    out.push_back(cat(question, quoted(text_of(results[0].hypotheses[0].ids, model.tokenizer())),
                      " (reference ", quoted(the_reference(record)), ")"));
  }
  return out;
}

}  // namespace flam
