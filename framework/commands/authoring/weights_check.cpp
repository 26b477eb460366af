// Checks with the weights of a checkpoint.
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <regex>

#include "framework/base/text.h"
#include "framework/commands/authoring/checks.h"
#include "framework/model/model.h"
#include "framework/plugin/library.h"
#include "framework/recipe/run_config.h"
#include "framework/recipe/weights_files.h"

namespace flam {

namespace {

bool has_weights(const std::string& kind) {
  const char* kinds[] = {"vision_backbone", "resampler", "adapter", "language_decoder"};
  return std::ranges::find(kinds, kind) != std::end(kinds);
}

WeightsConfig files_of(const std::string& kind, const CheckOptions& options) {
  WeightsConfig config;
  WeightsFile& file = config.files.emplace_back();
  file.path = std::filesystem::absolute(options.weights).string();
  if (!options.naming.empty() || !options.prefix.empty())
    file.layout = {{options.prefix, kind, options.naming}};
  file.ignore = options.ignore;
  file.if_missing = "--weights names a checkpoint, as a file or a folder";
  return config;
}

/// What the component computes with the weights, so that an author sees parts that do nothing.
std::string statistics_of(const at::Tensor& out) {
  const at::Tensor numbers = out.to(at::kDouble);
  const at::Tensor by_feature = numbers.flatten(0, -2);
  const int64_t constant = (by_feature.amax(0) - by_feature.amin(0)).abs().eq(0).sum().item<int64_t>();
  return cat("for random input, the output has the mean ", numbers.mean().item<double>(),
             " and the standard deviation ", numbers.std().item<double>(),
             constant == 0 ? std::string()
                           : cat("; ", counted(constant, "feature"), " of ", by_feature.size(1), " never ",
                                 constant == 1 ? "changes" : "change"));
}

}  // namespace

bool Specimen::takes_checkpoint() const {
  return !options.weights.empty() && has_weights(kind);
}

Setting Specimen::setting() const {
  if (!takes_checkpoint()) return kSmall;
  Setting out = kSmall;
  out.added_tokens = 0;
  if (kind != "resampler" && kind != "adapter") return out;
  const Value* const model = config.find("model");
  if (!model || !model->is_map() || !model->find("vision_backbone") || !model->find("language_decoder"))
    throw Error(cat("a checkpoint of the kind ", kind,
                    " is made for the sizes of its neighbours; give a run config that has the whole model "
                    "with --config"));
  Registry all;
  all.scan(plugin_search_path(options.plugin_path));
  const RunConfig run = RunConfig::parse(config, all);
  const auto whole = Model::assemble(run.model, all);
  const FeatureShape features = whole->vision_backbone().shape();
  if (features.grid_h != features.grid_w)
    throw Error(cat("the checks need a square grid of features; the config's backbone gives ",
                    features.grid_h, "×", features.grid_w));
  const LanguageDecoder& decoder = whole->language_decoder();
  return {features.grid_h,
          features.width,
          whole->resampler().shape().tokens,
          whole->resampler().shape().width,
          decoder.hidden_size(),
          decoder.num_layers(),
          0};
}

void load_checkpoint(Subject& subject, const std::string& kind, const CheckOptions& options) {
  const auto namings = [&](const std::string& slot) {
    return slot == kind ? subject.naming_tables() : nullptr;
  };
  try {
    load_weights(subject.store, files_of(kind, options), namings, at::kCPU, at::kFloat, /*seed=*/1);
  } catch (const Error& error) {
    std::vector<std::string> tables;
    for (const NamingTable& table : *subject.naming_tables()) tables.push_back(table.name);
    const bool unnamed = options.naming.empty() && !tables.empty();
    throw Error(
        cat(std::regex_replace(std::string(error.what()), std::regex("\n *"), " "),
            unnamed ? cat("; the component's naming tables are ", join(tables, ", "), " (--naming)") : ""));
  }
}

void require_checkpoint(const Registry& registry, const CheckOptions& options) {
  std::vector<std::string> found;
  for (const auto& listed : registry.list())
    if (has_weights(listed.kind)) found.push_back(cat(listed.kind, " ", quoted(listed.name)));
  if (found.size() != 1) {
    throw Error(cat("--weights needs a library with one component that has weights; this one has ",
                    found.empty() ? "none" : join(found, ", ")));
  }
  require_files(files_of("", options));
}

Finding check_weights(const Specimen& specimen) {
  Finding finding;
  const auto subject = specimen.subject(finding);
  if (!subject) return finding;
  std::vector<std::string> wrong;
  for (const auto& slot : subject->store.slots()) {
    if (slot->tensor.is_floating_point() && !slot->tensor.isfinite().all().item<bool>())
      wrong.push_back(slot->name);
  }
  if (!wrong.empty()) {
    const size_t count = wrong.size();
    if (count > 5) wrong.resize(5);
    throw Error(cat(counted(static_cast<int64_t>(count), "tensor"), " of the checkpoint ",
                    count == 1 ? "has" : "have", " numbers that are infinite or NaN: ", join(wrong, ", "),
                    count > 5 ? ", …" : ""));
  }
  return {cat(subject->store.slots().size(), " tensors, ", subject->store.parameter_count(), " parameters; ",
              statistics_of(run_announced(*subject, subject->input(2, 1))))};
}

}  // namespace flam
