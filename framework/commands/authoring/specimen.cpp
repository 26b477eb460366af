// A component of the plugin under test: its node in the config, the sizes it is built for, its weights.
#include <algorithm>

#include "framework/base/text.h"
#include "framework/commands/authoring/checks.h"
#include "framework/component/objective.h"
#include "framework/component/optimizer.h"
#include "framework/model/model.h"
#include "framework/plugin/library.h"

namespace flam {

namespace {

/// `train` takes the name of such a component alone. Elsewhere, a component is a map.
bool may_be_a_name(const std::string& kind) {
  return kind == Objective::kKind || kind == Optimizer::kKind;
}

}  // namespace

std::string Specimen::label() const {
  return cat(kind, " ", quoted(name));
}

const Value* Specimen::given() const {
  const auto fits = [&](const Value& node) {
    const Value* type = node.is_map() ? node.find("type") : &node;
    return !type || (type->is_string() && type->as_string() == name);
  };
  for (const Value* holder : {&config, config.find("model"), config.find("train")}) {
    if (!holder) continue;
    if (const Value* node = holder->find(kind); node && fits(*node)) return node;
    const Value* list = holder->find(kind + "s");  // transforms, metrics, objectives
    if (!list || !list->is_list()) continue;
    const auto found = std::ranges::find_if(list->as_list(), fits);
    if (found != list->as_list().end()) return &*found;
  }
  return nullptr;
}

Value Specimen::node() const {
  const Value* written = given();
  Value node = written ? *written : Value::map();
  if (node.is_string() && may_be_a_name(kind)) node = Value::map(node.where());
  if (kind == Objective::kKind) node = TrainConfig::without_weight(std::move(node));
  if (node.is_map() && !node.find("type")) node.set("type", name);
  return node;
}

ComponentConfig Specimen::parse(const Value& node) const {
  ErrorList errors;
  ComponentConfig parsed = registry.parse(kind, node, errors);
  errors.throw_if_any();
  return parsed;
}

bool Specimen::needs_model() const {
  return takes_checkpoint() && (kind == Resampler::kKind || kind == Adapter::kKind);
}

RunConfig Specimen::whole_config(Registry& all) const {
  const std::filesystem::path library = registry.libraries().front().path;
  std::vector<std::filesystem::path> folders = plugin_search_path(options.plugin_path);
  folders.insert(folders.begin(), library.parent_path());
  all.scan(folders);
  const auto is_library = [&](const FoundLibrary& found) { return found.path == library; };
  // A library whose name is not that of a plugin is not found in its folder.
  if (std::ranges::none_of(all.libraries(), is_library)) all.load(library);
  return RunConfig::parse(config, all);
}

Setting Specimen::setting() const {
  if (!takes_checkpoint()) return kSmall;
  Setting out = kSmall;
  out.added_tokens = 0;
  if (!needs_model()) return out;
  Registry all;
  const RunConfig run = whole_config(all);
  const auto whole = Model::assemble(run.model, all);
  const FeatureShape features = whole->vision_backbone().shape();
  if (features.grid_h != features.grid_w)
    throw Error(cat("the checks need a square grid of features; the config's backbone gives ",
                    features.grid_h, "×", features.grid_w));
  const LanguageDecoder& decoder = whole->language_decoder();
  return {features.grid_h,
          features.prefix_tokens,
          features.width,
          whole->resampler().shape().tokens,
          whole->resampler().shape().width,
          decoder.hidden_size(),
          decoder.num_layers(),
          0};
}

std::unique_ptr<Subject> Specimen::subject(Finding& too_large) const {
  auto subject = make_subject(registry, parse(node()), setting());
  const int64_t bytes = 4 * subject->store.parameter_count();
  if (bytes > options.max_bytes) {
    too_large = {
        cat("not run: its weights take ", bytes >> 20, " MiB, and the limit is ", options.max_bytes >> 20,
            " MiB; give smaller parameters with --config or --set, or raise --max-memory"),
        true};
    return nullptr;
  }
  if (takes_checkpoint()) {
    load_checkpoint(*subject, kind, options);
  } else {
    fill(subject->store);
  }
  return subject;
}

}  // namespace flam
