#include "framework/recipe/run_config.h"

#include <algorithm>

#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/device/device.h"
#include "framework/generate/generate.h"
#include "framework/model/checked.h"
#include "framework/recipe/import/gguf_import.h"
#include "framework/recipe/import/import.h"
#include "framework/recipe/paths.h"
#include "framework/recipe/picture_config.h"
#include "framework/recipe/weights_files.h"

namespace flam {

namespace {

const std::vector<std::string> kKnownKeys = {"model",      "pictures", "transforms", "task_head",
                                             "generation", "weights",  "dtype",      "dataset",
                                             "shots",      "metrics",  "train",      "meta"};

std::vector<ComponentConfig> parse_list(const Value* node, const std::string& key, const std::string& kind,
                                        Registry& registry, ErrorList& errors) {
  std::vector<ComponentConfig> out;
  if (!node) return out;
  if (!node->is_list()) {
    errors.add(node->where(), cat("`", key, "` must be a list of components, found ", node->describe()));
    return out;
  }
  for (const Value& element : node->as_list()) out.push_back(registry.parse(kind, element, errors));
  return out;
}

/// `--max-tiles` sets a parameter that only some layouts have.
void check_max_tiles(const Value& tree, const std::vector<std::string>& overrides, Registry& registry) {
  const bool is_set = std::ranges::any_of(overrides, [](const std::string& assignment) {
    return assignment.starts_with("model.media_layout.max_tiles=");
  });
  const Value* model = tree.find("model");
  const Value* layout = model ? model->find("media_layout") : nullptr;
  if (!is_set || !layout) return;
  Value node = *layout;
  node.erase("max_tiles");
  if (!node.find("type")) node.set("type", "single");
  ErrorList errors;
  const ComponentConfig parsed = registry.parse("media_layout", node, errors);
  if (!errors.empty() || parsed.resolved().find("max_tiles")) return;
  throw Error(cat("--max-tiles (model.media_layout.max_tiles): ", parsed.label(),
                  " of this model does not cut pictures into tiles; leave the option out"));
}

Value resolved_list(const std::vector<ComponentConfig>& components) {
  Value out = Value::list();
  for (const auto& component : components) out.as_list().push_back(component.resolved());
  return out;
}

}  // namespace

RunConfig RunConfig::parse(const Value& tree, Registry& registry) {
  RunConfig config;
  ErrorList errors;
  if (!tree.is_map()) throw Error(tree.where(), cat("a config must be a map, found ", tree.describe()));
  for (const auto& member : tree.as_map()) {
    if (std::find(kKnownKeys.begin(), kKnownKeys.end(), member.key) == kKnownKeys.end()) {
      errors.add(member.key_where,
                 cat("unknown key ", quoted(member.key), did_you_mean(member.key, kKnownKeys),
                     " (known: ", join(kKnownKeys, ", "), ")"));
    }
  }
  config.source = tree;
  if (const Value* model = tree.find("model")) {
    config.model = ModelConfig::parse(*model, registry, errors);
  } else {
    errors.add(tree.where(), "the config lacks `model`");
  }
  if (const Value* pictures = tree.find("pictures")) config.pictures = parse_pictures(*pictures, errors);
  config.transforms = parse_list(tree.find("transforms"), "transforms", "transform", registry, errors);
  config.metrics = parse_list(tree.find("metrics"), "metrics", "metric", registry, errors);
  if (const Value* head = tree.find("task_head"))
    config.task_head = registry.parse("task_head", *head, errors);
  if (const Value* dataset = tree.find("dataset"))
    config.dataset = registry.parse("dataset", *dataset, errors);
  if (const Value* shots = tree.find("shots")) config.shots = ShotsConfig::parse(*shots, registry, errors);
  if (const Value* generation = tree.find("generation")) {
    read_params(ParamsRef(config.generation), *generation, "`generation`", {}, errors);
    try {
      check_generation(config.generation);
    } catch (const Error& error) {
      errors.add(generation->where(), error.what());
    }
  }
  if (const Value* weights = tree.find("weights")) config.weights = WeightsConfig::parse(*weights, errors);
  if (const Value* dtype = tree.find("dtype")) {
    try {
      config.dtype = dtype->as_string();
      static_cast<void>(config.dtype_of("auto"));
    } catch (const Error& error) {
      errors.add(dtype->where(), cat("dtype: ", error.what()));
    }
  }
  if (const Value* train = tree.find("train")) {
    config.train = TrainConfig::parse(*train, registry, errors);
    if (!config.train->num_shots.empty() && !config.shots)
      errors.add(train->where(),
                 "`train.num_shots` is given, but the config names no `shots` to take examples from; add "
                 "shots: {dataset: {type: …}}");
  }
  if (const Value* meta = tree.find("meta")) config.meta = *meta;
  errors.throw_if_any();
  return config;
}

Value RunConfig::resolved() const {
  Value out = Value::map();
  out.set("model", model.resolved());
  out.set("pictures", resolved_pictures(pictures));
  out.set("transforms", resolved_list(transforms));
  if (task_head) out.set("task_head", task_head.resolved());
  GenerationParams generation_copy = generation;
  out.set("generation", write_params(ParamsRef(generation_copy)));
  out.set("weights", weights.resolved());
  out.set("dtype", dtype);
  if (dataset) out.set("dataset", dataset.resolved());
  if (shots) out.set("shots", shots->resolved());
  if (!metrics.empty()) out.set("metrics", resolved_list(metrics));
  if (train) out.set("train", train->resolved());
  if (!meta.is_null()) out.set("meta", meta);
  adopt_places(out, source);
  return out;
}

std::unique_ptr<TaskHead> RunConfig::build_task_head(const ComponentConfig& head, const Registry& registry,
                                                     const Tokenizer& tokenizer) const {
  const auto& stops = generation.stop_tokens;
  return build_checked<TaskHead>(registry, head,
                                 {tokenizer.image_token(), stops.empty() ? "" : stops.front()});
}

at::ScalarType RunConfig::dtype_of(const std::string& chosen) const {
  return resolve_dtype(chosen == "auto" ? dtype : chosen);
}

QuantizeConfig RunConfig::quantize_of(const std::string& chosen) const {
  return chosen.empty() ? weights.quantize : QuantizeConfig::of(chosen);
}

void RunConfig::load(Tokenizer& tokenizer) const {
  try {
    const Value parameters = model.tokenizer.resolved();
    const Value* named = parameters.find("model");
    if (const std::string file = named && named->is_string() ? named->as_string() : ""; !file.empty()) {
      const std::filesystem::path path = std::filesystem::path(weights.root) / file;
      std::error_code problem;
      if (!std::filesystem::exists(path, problem)) {
        const bool relative = std::filesystem::path(file).is_relative();
        throw Error(cat(
            "no tokenizer file ", quoted(path.lexically_normal().string()),
            relative ? cat(", which is ", quoted(file), " below weights.root, ", quoted(weights.root)) : "",
            "; ", missing_file_advice(weights, file)));
      }
    }
    tokenizer.load(weights.root);
    if (!tokenizer.token_id(tokenizer.image_token())) {
      throw Error(cat(model.tokenizer.label(), " has no token ", quoted(tokenizer.image_token()),
                      ", which is to mark a picture in a prompt; set image_token to a token of its file, or "
                      "name it in added_tokens"));
    }
  } catch (const RunError&) {
    throw;
  } catch (const Error& error) {
    throw Error(model.tokenizer.where, error.what());
  }
}

RunConfig RunConfig::load(const std::string& name_or_path, const std::vector<std::string>& overrides,
                          Registry& registry) {
  const Value tree = load_config_tree(name_or_path, overrides);
  check_max_tiles(tree, overrides, registry);
  RunConfig config = parse(tree, registry);
  const std::filesystem::path path = name_or_path;  // a model's name may have a dot
  const std::string name = path.extension() == ".yaml" ? path.stem().string() : path.filename().string();
  config.name = printable(is_model_folder(name_or_path) ? model_folder_name(name_or_path) : name);
  return config;
}

Value load_config_tree(const std::string& name_or_path, const std::vector<std::string>& overrides) {
  const auto root = configs_root();
  if (is_gguf_file(name_or_path)) {
    throw Error(cat(quoted(name_or_path),
                    " is a GGUF file, which holds a language decoder and no picture part; make a base for a "
                    "config of it: flam import FILE.gguf OUT.yaml"));
  }
  Value tree = is_model_folder(name_or_path) ? import_model(name_or_path)
                                             : load_config(find_config(name_or_path, root), root);
  for (const std::string& assignment : overrides) apply_override(tree, assignment, root);
  return tree;
}

}  // namespace flam
