// Checks for objectives: finite losses, as many as they have names, that train what they are computed from.
#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <torch/csrc/autograd/autograd.h>

#include <set>

#include "framework/base/text.h"
#include "framework/commands/authoring/checks.h"
#include "framework/component/given_batch.h"

namespace flam {

namespace {

/// A backbone of 2 × 2 patches and a prefix token, a dataset with labels of patches and the class of each
/// picture, and two tasks.
Objective::Input input() {
  Objective::Input in;
  in.features = {8, 2, 2, 1};
  in.media = {5, 6};
  in.hidden_size = 7;
  in.tasks = {"caption", "answer"};
  in.patch_label_classes = {3, 2};
  in.media_label_classes = {4};
  in.pictures = 4;
  return in;
}

struct Built {
  explicit Built(const Specimen& specimen) {
    WeightScope scope(store, specimen.name);
    objective = specimen.registry.build<Objective>(specimen.parse(specimen.node()), input(), &scope);
    fill(store);
    for (const auto& slot : store.slots())
      if (!slot->statistic) slot->tensor.set_requires_grad(true);
  }
  std::vector<at::Tensor> weights() const {
    std::vector<at::Tensor> out;
    for (const auto& slot : store.slots())
      if (!slot->statistic) out.push_back(slot->tensor);
    return out;
  }
  at::Tensor total(const GivenBatch::Given& given) const {
    at::Tensor sum;
    for (const at::Tensor& loss : objective->losses(GivenBatch(given)))
      sum = sum.defined() ? sum + loss : loss;
    return sum;
  }

  WeightStore store;
  std::unique_ptr<Objective> objective;
};

/// What the trainer would compute for this objective alone.
GivenBatch::Given given_to(const Objective& objective, uint64_t seed) {
  GivenBatch::Given given = GivenBatch::random(input(), seed);
  if (!objective.needs_pictures()) {
    given.features.tokens = given.media = at::Tensor();
    for (GivenBatch::Task& task : given.tasks) task.seeing = at::Tensor();
  }
  if (!objective.needs_text()) {
    given.tasks.resize(1);
    given.tasks.front().text = {};
    given.tasks.front().seeing = given.tasks.front().alone = given.output = at::Tensor();
  }
  return given;
}

/// The tensors of a batch that a model would have computed.
std::vector<std::pair<std::string, at::Tensor>> computed(const GivenBatch::Given& given) {
  std::vector<std::pair<std::string, at::Tensor>> out = {
      {"features", given.features.tokens}, {"media tokens", given.media}, {"output matrix", given.output}};
  for (const auto& [name, stage] : given.stages) out.emplace_back(name, stage);
  for (const GivenBatch::Task& task : given.tasks) {
    out.emplace_back("hidden states", task.seeing);
    out.emplace_back("hidden states of text alone", task.alone);
  }
  std::erase_if(out, [](const auto& entry) { return !entry.second.defined(); });
  return out;
}

Finding check_losses(const Specimen& specimen) {
  const Built built(specimen);
  const std::vector<std::string> names = built.objective->names();
  if (names.empty()) throw Error("gives no names(); it must name each of its losses");
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (name.empty() || !seen.insert(name).second)
      throw Error(cat("gives the name ", quoted(name),
                      " in names(); expected names that are not empty and occur once"));
  }
  const GivenBatch::Given given = given_to(*built.objective, 1), untouched = given_to(*built.objective, 1);
  const std::vector<at::Tensor> losses = built.objective->losses(GivenBatch(given));
  if (losses.size() != names.size())
    throw Error(cat("gives ", losses.size(), " losses, but names() has ", names.size()));
  for (size_t i = 0; i < losses.size(); ++i) {
    const at::Tensor& loss = losses[i];
    if (!loss.defined() || loss.dim() != 0 || !loss.is_floating_point())
      throw Error(cat("gives ", loss.defined() ? cat(loss.scalar_type(), " ", loss.sizes()) : "no tensor",
                      " for the loss ", quoted(names[i]), "; expected one floating-point number"));
    if (!loss.isfinite().item<bool>())
      throw Error(cat("gives a loss ", quoted(names[i]), " that is infinite or NaN"));
  }
  const auto now = computed(given), before = computed(untouched);
  for (size_t i = 0; i < now.size(); ++i) {
    if (!at::equal(now[i].second, before[i].second))
      throw Error(cat("changes the ", now[i].first, " of the batch"));
  }
  return {cat("gives ", join(names, ", "))};
}

Finding check_gradient(const Specimen& specimen) {
  const Built built(specimen);
  const GivenBatch::Given given = given_to(*built.objective, 1);
  const at::Tensor total = built.total(given);
  if (!total.requires_grad()) throw Error("gives losses without gradients");
  std::vector<at::Tensor> leaves = built.weights();
  const size_t own = leaves.size();
  std::vector<std::string> reached;
  const auto model = computed(given);
  for (const auto& [name, tensor] : model) leaves.push_back(tensor);
  const auto gradients = torch::autograd::grad({total}, leaves, {}, /*retain_graph=*/{},
                                               /*create_graph=*/false, /*allow_unused=*/true);
  size_t weight = 0;
  for (const auto& slot : built.store.slots()) {
    if (slot->statistic) continue;
    if (const at::Tensor& gradient = gradients[weight++]; !gradient.defined())
      throw Error(cat("no gradient reaches its weight ", quoted(slot->name)));
  }
  for (size_t i = own; i < gradients.size(); ++i) {
    if (gradients[i].defined() && gradients[i].abs().max().item<double>() > 0)
      reached.push_back(model[i - own].first);
  }
  for (const at::Tensor& gradient : gradients) {
    if (gradient.defined() && !gradient.isfinite().all().item<bool>())
      throw Error("gives gradients that are infinite or NaN");
  }
  if (reached.empty()) throw Error("no gradient reaches what the model computes, so the model isn't trained");
  return {cat("reaches ", own == 0 ? "" : cat("its ", counted(static_cast<int64_t>(own), "tensor"), ", "),
              join(reached, ", "))};
}

Finding check_determinism(const Specimen& specimen) {
  const Built first(specimen), second(specimen);
  const at::Tensor expected = first.total(given_to(*first.objective, 1));
  first.total(given_to(*first.objective, 2));
  if (!at::equal(first.total(given_to(*first.objective, 1)), expected))
    throw Error("gives another loss for the same batch in a second call");
  if (!at::equal(second.total(given_to(*second.objective, 1)), expected))
    throw Error("gives another loss in a second component with the same weights");
  return {"the same batch gives the same loss"};
}

Finding check_threads_of(const Specimen& specimen) {
  const Built built(specimen);
  std::vector<GivenBatch::Given> batches;
  std::vector<at::Tensor> expected;
  for (uint64_t i = 0; i < 4; ++i) {
    batches.push_back(given_to(*built.objective, i));
    expected.push_back(built.total(batches.back()));
  }
  at_once([&](int64_t i) {
    if (!at::equal(built.total(batches[i]), expected[i]))
      throw Error("gives another loss when other threads use it at the same time");
  });
  return {"4 threads at once get the same losses as alone"};
}

Finding check_parameters(const Specimen& specimen) {
  const ComponentType& type = specimen.registry.find(specimen.kind, specimen.name);
  const auto made = type.make_params();
  for (const ParamDoc& doc : document_params(ParamsRef(made.get(), type.visit))) {
    if (doc.info.name == "weight") {
      throw Error(
          "declares the parameter `weight`, which `train.objectives` gives to the trainer; use another name");
    }
  }
  return {"no parameter is called `weight`"};
}

}  // namespace

std::vector<Check> objective_checks() {
  return {{"parameters", check_parameters},
          {"losses", check_losses},
          {"gradient", check_gradient},
          {"determinism", check_determinism},
          {"threads", check_threads_of}};
}

}  // namespace flam
