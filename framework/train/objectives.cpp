#include "framework/train/objectives.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <set>

#include "framework/base/text.h"
#include "framework/model/border.h"
#include "framework/train/computed_batch.h"

namespace flam {

namespace {

bool gives_features(const Dataset& dataset) {
  if (dataset.size() == 0) return false;
  const Record first = dataset.at(0);
  return std::ranges::any_of(first.request.parts, [](const Part& part) {
    return std::ranges::any_of(part.pictures, [](const PictureSource& of) { return of.features.defined(); });
  });
}

Objective::Input input_of(const TrainingParts& parts) {
  const Dataset& dataset = *parts.tasks.front().dataset;
  Objective::Input in;
  in.features = parts.model.vision_backbone().shape();
  in.media = parts.model.resampler().shape();
  in.hidden_size = parts.model.language_decoder().hidden_size();
  for (const TrainedTask& task : parts.tasks) in.tasks.push_back(task.head->answer_field());
  in.patch_label_classes = dataset.patch_label_classes();
  in.media_label_classes = dataset.media_label_classes();
  in.from_features = gives_features(dataset);
  in.pictures = micro_batch_of(parts.config);
  return in;
}

/// `name`, or name.2, name.3, … if it is in `taken` already.
std::string unique_name(const std::string& name, std::set<std::string>& taken) {
  std::string unique = name;
  for (int64_t number = 2; !taken.insert(unique).second; ++number) unique = cat(name, ".", number);
  return unique;
}

}  // namespace

Objectives::Terms Objectives::build_terms(const TrainingParts& parts, WeightStore& weights) {
  const Objective::Input in = input_of(parts);
  Terms terms;
  std::set<std::string> scopes, names = {"total"};  // what the log calls the sum
  for (const TrainConfig::WeightedObjective& each : parts.config.weighted_objectives) {
    const std::string& type = each.component.type->name;
    WeightScope scope(weights, unique_name(type, scopes));
    Term term;
    term.border = Border(each.component, Border::Errors::as_they_are);
    term.objective = parts.registry.build<Objective>(each.component, in, &scope);
    term.weight = each.weight;
    term.names = term.border("names", [&] { return term.objective->names(); });
    if (term.names.empty()) term.border.fail("gives no names(); it must name each of its losses");
    for (std::string& name : term.names) {
      if (name.empty()) term.border.fail("gives an empty name in names()");
      name = unique_name(name, names);
    }
    terms.push_back(std::move(term));
  }
  return terms;
}

bool Objectives::any(bool (*fits)(const Objective&)) const {
  return std::ranges::any_of(*terms_, [&](const Term& term) { return fits(*term.objective); });
}

Objectives::Objectives(const TrainingParts& parts, WeightStore& weights)
    : parts_(parts),
      terms_(std::make_shared<const Terms>(build_terms(parts, weights))),
      with_pictures_(any([](const Objective& each) { return each.needs_pictures(); })),
      with_text_(any([](const Objective& each) { return each.needs_text(); })),
      source_(parts, parts.tasks, with_pictures_) {
  if (!parts.config.num_shots.empty() && !with_text_) {
    throw Error(
        "`train.num_shots` puts examples into prompts, but no objective learns text; add one that does to "
        "`train.objectives` (answers or text), or leave num_shots out");
  }
}

Objectives Objectives::on(const std::vector<TrainedTask>& tasks) const {
  Objectives other = *this;
  other.source_ = BatchSource(parts_, tasks, with_pictures_);
  return other;
}

StepLoss Objectives::loss(int64_t step, int64_t first, int64_t count) const {
  const size_t tasks = with_text_ ? source_.tasks().size() : 1;
  const ComputedBatch batch(parts_, source_, source_.draw(step, first, count, tasks), count, with_text_);
  StepLoss out;
  for (const Term& term : *terms_) {
    const std::vector<at::Tensor> losses =
        term.border("losses", [&] { return term.objective->losses(batch); });
    if (losses.size() != term.names.size()) {
      term.border.fail(
          cat("gives ", losses.size(), " losses from losses(), but names() has ", term.names.size()));
    }
    for (size_t i = 0; i < losses.size(); ++i) {
      const at::Tensor& loss = losses[i];
      if (!loss.defined() || loss.dim() != 0 || !loss.is_floating_point() ||
          loss.device() != batch.device()) {
        term.border.fail(cat("gives ",
                             loss.defined()
                                 ? cat(loss.scalar_type(), " ", loss.sizes(), " on ", loss.device())
                                 : "an undefined tensor",
                             " for the loss ", quoted(term.names[i]),
                             "; expected one floating-point number on ", batch.device()));
      }
      out.parts.emplace_back(term.names[i], loss.detach());
      // A loss of weight 0 gives no gradient at all, since one of zeros would let weights decay.
      if (term.weight == 0) continue;
      out.total = out.total.defined() ? out.total + loss * term.weight : loss * term.weight;
    }
  }
  return out;
}

}  // namespace flam
