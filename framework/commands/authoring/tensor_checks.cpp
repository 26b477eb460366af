// Checks for components that compute on tensors: shapes, and that the result depends only on the input.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cosine_similarity.h>
#include <c10/core/InferenceMode.h>

#include "framework/base/text.h"
#include "framework/commands/authoring/checks.h"
#include "framework/component/transform.h"
#include "framework/device/dtype.h"

namespace flam {

namespace {

constexpr int64_t kRows = 3;

/// Error: the output does not have the announced shape, or is not on the input's device.
void require_announced(const Subject& subject, const Subject::Tensors& in, const at::Tensor& out) {
  const auto announced = subject.announced(in);
  const auto expected = [&] { return cat("; announced ", at::IntArrayRef(announced), " (-1: any)"); };
  if (!out.defined()) throw Error("gives an undefined tensor" + expected());
  bool fits = out.dim() == static_cast<int64_t>(announced.size());
  for (int64_t i = 0; fits && i < out.dim(); ++i) fits = announced[i] < 0 || announced[i] == out.size(i);
  if (!fits) throw Error(cat("gives a tensor ", out.sizes(), expected()));
  if (out.device() != in.back().device())
    throw Error(cat("gives a tensor on ", out.device(), " for input on ", in.back().device()));
}

void require_dtype(const at::Tensor& out, at::ScalarType dtype) {
  if (out.is_floating_point() && out.scalar_type() != dtype)
    throw Error(
        cat("gives ", dtype_name(out.scalar_type()), ", but its input and weights are ", dtype_name(dtype)));
}

Subject::Tensors to(const Subject::Tensors& in, const at::TensorOptions& options, bool floats_only) {
  Subject::Tensors out;
  for (const at::Tensor& t : in) {
    if (floats_only) {
      out.push_back(t.is_floating_point() ? t.to(options.dtype()) : t);
    } else {
      out.push_back(t.to(options.device()));
    }
  }
  return out;
}

/// max|a − b| / max(1, max|b|).
double difference(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes())
    throw Error(cat("gives a tensor ", a.sizes(), " in one run and ", b.sizes(), " in another"));
  const at::Tensor x = a.to(at::kDouble), y = b.to(at::kDouble);
  return (x - y).abs().max().item<double>() / std::max(1.0, y.abs().max().item<double>());
}

/// Uses default parameters, or the config's if the defaults are not enough (for example, if a size is
/// required).
Finding check_meta(const Specimen& specimen) {
  const auto build = [&](const Value& node) {
    return make_subject(specimen.registry, specimen.parse(node), kPublished);
  };
  Value defaults = Value::map();
  defaults.set("type", specimen.name);
  std::string with = "default parameters";
  std::unique_ptr<Subject> subject;
  try {
    subject = build(defaults);
  } catch (const Error& error) {
    if (specimen.node() == defaults) throw;
    subject = build(specimen.node());
    with = cat("the config's parameters (defaults alone: ", error.what(), ")");
  }
  if (specimen.kind == "transform") return {"with " + with};
  const Subject::Tensors in = to(subject->input(2, 1), at::kMeta, false);
  const at::Tensor out = run_announced(*subject, in);
  return {cat(with, ": ", subject->store.parameter_count(), " parameters, gives ", out.sizes())};
}

Finding check_forward(const Specimen& specimen) {
  Finding finding;
  const auto subject = specimen.subject(finding);
  if (!subject) return finding;
  const auto in = subject->input(kRows, 1), copy = [&] {
    Subject::Tensors tensors;
    for (const at::Tensor& t : in) tensors.push_back(t.clone());
    return tensors;
  }();
  const at::Tensor out = run_announced(*subject, in);
  if (specimen.kind != "transform") require_dtype(out, at::kFloat);
  if (!out.isfinite().all().item<bool>()) throw Error("gives values that are infinite or NaN");
  for (size_t i = 0; i < in.size(); ++i) {
    if (!in[i].equal(copy[i])) throw Error("changes its input, which belongs to the caller");
  }
  return {cat("gives ", out.sizes())};
}

Finding check_determinism(const Specimen& specimen) {
  Finding finding;
  const auto subject = specimen.subject(finding);
  if (!subject) return finding;
  const auto in = subject->input(kRows, 1);
  const at::Tensor first = run_announced(*subject, in);
  require_close(run_announced(*subject, in), first, 0,
                "gives another result for the same input in a second run, which differs");
  require_close(run_announced(*specimen.subject(finding), in), first, 0,
                "a second component with the same weights gives another result, which differs");
  return {"a second run and a second component give the same bits"};
}

/// A result that depends on earlier inputs shows after another input only.
Finding check_state(const Specimen& specimen) {
  Finding finding;
  const auto subject = specimen.subject(finding);
  if (!subject) return finding;
  const auto in = subject->input(kRows, 1), other = subject->input(kRows, 2);
  const at::Tensor first = run_announced(*subject, in), second = run_announced(*subject, other);
  const std::string what = "keeps state between calls, which must depend on their input alone: ";
  require_close(run_announced(*subject, in), first, 0,
                what + "after another input, the same input gives another result, which differs");
  require_close(run_announced(*specimen.subject(finding), other), second, 0,
                what + "a component that got another input before gives another result, which differs");
  return {"results do not depend on earlier inputs"};
}

Finding check_batch(const Specimen& specimen) {
  Finding finding;
  const auto subject = specimen.subject(finding);
  if (!subject) return finding;
  const auto in = subject->input(kRows, 1);
  const at::Tensor all = run_announced(*subject, in);
  for (int64_t row = 0; row < kRows; ++row) {
    Subject::Tensors alone;
    for (const at::Tensor& t : in) alone.push_back(t.narrow(0, row, 1));
    require_close(run_announced(*subject, alone)[0], all[row], 1e-4,
                  cat("row ", row, " of a batch of ", kRows, " differs from the same row alone"));
  }
  return {cat("each row of ", kRows, " gives the same result alone")};
}

Finding check_gradient(const Specimen& specimen) {
  Finding finding;
  const auto subject = specimen.subject(finding);
  if (!subject) return finding;
  auto in = subject->input(kRows, 1);
  std::vector<std::pair<std::string, at::Tensor>> leaves;
  for (const auto& slot : subject->store.slots()) {
    if (slot->tensor.is_floating_point() && !slot->statistic)
      leaves.emplace_back(slot->name, slot->tensor.requires_grad_());
  }
  const size_t weights = leaves.size();
  for (at::Tensor& t : in) {
    if (t.is_floating_point()) leaves.emplace_back("its input", t.requires_grad_());
  }
  const at::Tensor out = subject->run(in);
  require_announced(*subject, in, out);
  if (!out.requires_grad())
    throw Error("no gradient flows back: the result is detached from weights and input");
  out.square().sum().backward();
  std::vector<std::string> without;
  for (const auto& [name, leaf] : leaves) {
    if (!leaf.grad().defined()) {
      without.push_back(name);
    } else if (!leaf.grad().isfinite().all().item<bool>()) {
      throw Error(cat("the gradient of ", name, " is infinite or NaN"));
    }
  }
  const size_t count = without.size();
  if (count > 5) without.resize(5);
  if (count > 0) throw Error(cat("no gradient reaches ", join(without, ", "), count > 5 ? ", …" : ""));
  return {cat("reaches ", weights, " weights", leaves.size() > weights ? " and the input" : "")};
}

Finding check_bfloat16(const Specimen& specimen) {
  Finding finding;
  const auto subject = specimen.subject(finding);
  if (!subject) return finding;
  const auto in = subject->input(kRows, 1);
  const at::Tensor full = run_announced(*subject, in);
  subject->store.to(at::kCPU, at::kBFloat16);
  const at::Tensor half = run_announced(*subject, to(in, at::kBFloat16, true));
  require_dtype(half, at::kBFloat16);
  const double cosine =
      at::cosine_similarity(half.flatten().to(at::kDouble), full.flatten().to(at::kDouble), 0).item<double>();
  if (!(cosine >= 0.98))
    throw Error(cat("the cosine of bfloat16 and float32 is ", cosine, " (at least 0.98 is required)"));
  return {cat("cosine with float32 ", cosine)};
}

/// What a transform does in training must follow from its generator, so that a resumed run repeats it.
Finding check_augment(const Specimen& specimen) {
  constexpr uint64_t kSeeds = 8;
  Finding finding;
  const at::Tensor picture = specimen.subject(finding)->input(1, 1)[0], copy = picture.clone();
  const auto transform = specimen.registry.build<Transform>(specimen.parse(specimen.node()), {});
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Random random(seed), again(seed);
    const at::Tensor out = transform->augment({picture}, random).data;
    if (!out.defined()) throw Error("gives an undefined tensor from augment()");
    require_close(transform->augment({picture}, again).data, out, 0,
                  "draws from more than the generator that augment() gets: with an equal generator, it gives "
                  "another result, which differs");
    if (!picture.equal(copy)) throw Error("changes its input, which belongs to the caller, in augment()");
  }
  return {cat("equal generators give the same bits, for ", kSeeds, " seeds")};
}

}  // namespace

at::Tensor run_announced(const Subject& subject, const Subject::Tensors& in) {
  const c10::InferenceMode inference;
  at::Tensor out = subject.run(in);
  require_announced(subject, in, out);
  return out;
}

void require_close(const at::Tensor& a, const at::Tensor& b, double tolerance, const std::string& what) {
  const double found = difference(a, b);
  if (!(found <= tolerance)) throw Error(cat(what, " by ", found, " (allowed: ", tolerance, ")"));
}

std::vector<Check> tensor_checks(const std::string& kind) {
  std::vector<Check> checks = {{"meta", check_meta},
                               {"forward", check_forward},
                               {"determinism", check_determinism},
                               {"state", check_state}};
  if (kind == "transform") {
    checks.push_back({"augment", check_augment});
  } else {
    checks.push_back({"batch", check_batch});
    checks.push_back({"gradient", check_gradient});
    checks.push_back({"bfloat16", check_bfloat16});
  }
  if (kind == "language_decoder") {
    checks.push_back({"layers", check_layer_ranges});
    checks.push_back({"cache", check_cache});
    checks.push_back({"padding", check_padding});
    checks.push_back({"mask", check_mask});
  }
  checks.push_back({"memory", check_memory});
  checks.push_back({"threads", check_threads});
  return checks;
}

}  // namespace flam
