#include "framework/commands/compare/experiment.h"

#include <algorithm>
#include <set>

#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/config/merge.h"
#include "framework/recipe/paths.h"
#include "framework/recipe/run_config.h"

namespace flam {

namespace {

constexpr size_t kMostVariants = 1000;
constexpr size_t kMostAxes = 100;
constexpr size_t kMostSeeds = 1000;
constexpr size_t kMostRuns = 10'000;
constexpr const char* kSetDoc =
    "values to set in the config, {dotted.name: VALUE, …}; a new `type` drops the old one's parameters";

void check_map(const Value& value, const char* what, ErrorList& errors) {
  if (!value.is_null() && !value.is_map())
    errors.add(value.where(), cat(what, " must be a map {dotted.name: VALUE, …}, found ", value.describe()));
}

/// Checks sizes before any work whose amount grows faster than the file.
void check_sizes(const Value& tree, ErrorList& errors) {
  const auto check = [&](const Value& list, const std::string& what, size_t most) {
    if (list.is_list() && list.as_list().size() > most)
      errors.add(list.where(), cat(what, " has ", list.as_list().size(), " entries; at most ", most));
  };
  for (const char* key : {"variants", "stages", "evaluate"})
    if (const Value* list = tree.find(key)) check(*list, cat("`", key, "`"), kMostVariants);
  if (const Value* seeds = tree.find("seeds")) check(*seeds, "`seeds`", kMostSeeds);
  const Value* grid = tree.find("grid");
  if (!grid || !grid->is_map()) return;
  if (grid->as_map().size() > kMostAxes)
    errors.add(grid->where(), cat("`grid` has ", grid->as_map().size(), " names; at most ", kMostAxes));
  for (const Value::Member& axis : grid->as_map())
    check(axis.value, cat("`grid`'s ", quoted(axis.key)), kMostVariants);
}

template <class Item>
std::vector<Item> parse_items(const Value& list, const char* key, const char* owner, ErrorList& errors) {
  std::vector<Item> out;
  if (list.is_null()) return out;
  if (!list.is_list()) {
    errors.add(list.where(), cat("`", key, "` must be a list, found ", list.describe()));
    return out;
  }
  std::set<std::string> names;
  for (const Value& node : list.as_list()) {
    Item item;
    read_params(ParamsRef(item), node, owner, {}, errors);
    check_map(item.set, "`set`", errors);
    if (item.name.empty() || printable(item.name) != item.name)
      errors.add(node.where(),
                 cat("the `name` ", quoted(item.name), " of an entry of `", key,
                     "` is empty or contains control characters, but it is used in reports and file names"));
    if (!names.insert(item.name).second)
      errors.add(node.where(), cat("two entries of `", key, "` are named ", quoted(item.name)));
    out.push_back(std::move(item));
  }
  return out;
}

std::string value_text(const Value& value) {
  if (value.is_map()) {
    const Value* type = value.find("type");
    return type && type->is_string() ? type->as_string() : write_json(value);
  }
  return value.is_string() ? value.as_string() : write_json(value);
}

/// Returns how the values of a grid's axis appear in the names of variants. A map appears as its `type`,
/// followed by the parameters that differ if other values have the same type.
std::vector<std::string> axis_texts(const Value::List& values) {
  std::vector<std::string> out;
  for (const Value& value : values) {
    std::string text = value_text(value);
    if (value.is_map() && value.find("type")) {
      for (const Value::Member& member : value.as_map()) {
        const bool differs = std::any_of(values.begin(), values.end(), [&](const Value& other) {
          const Value* theirs = other.find(member.key);
          return value_text(other) == value_text(value) && !(theirs && *theirs == member.value);
        });
        if (differs) text += cat(" ", member.key, "=", write_json(member.value));
      }
    }
    out.push_back(printable(text));
  }
  return out;
}

/// Returns the last part of an axis' name, or the whole name if another axis has the same last part.
std::string axis_name(const Value::Map& axes, const std::string& key) {
  const auto last = [](const std::string& name) { return name.substr(name.rfind('.') + 1); };
  const auto same =
      std::count_if(axes.begin(), axes.end(), [&](const auto& axis) { return last(axis.key) == last(key); });
  return same == 1 ? last(key) : key;
}

/// Returns every combination of the grid's values; the value of the last name changes fastest.
std::vector<ExperimentVariant> combinations(const Value& grid, ErrorList& errors) {
  std::vector<ExperimentVariant> out;
  if (!grid.is_map() || grid.as_map().empty()) return out;
  out.emplace_back().set = Value::map(grid.where());
  for (const Value::Member& axis : grid.as_map()) {
    if (!axis.value.is_list() || axis.value.as_list().empty()) {
      errors.add(axis.value.where(),
                 cat("`grid` gives a list of values for each name; ", quoted(axis.key), " has ",
                     axis.value.is_list() ? "an empty one" : axis.value.describe()));
      return {};
    }
    const Value::List& values = axis.value.as_list();
    if (values.size() > kMostVariants / out.size()) {
      errors.add(grid.where(), cat("`grid` makes more than ", kMostVariants, " variants"));
      return {};
    }
    std::vector<ExperimentVariant> longer;
    const std::string name = axis_name(grid.as_map(), axis.key);
    const std::vector<std::string> texts = axis_texts(values);
    for (size_t i = 0; i < values.size(); ++i) {
      if (std::find(texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(i), texts[i]) ==
          texts.begin() + static_cast<std::ptrdiff_t>(i))
        continue;
      errors.add(values[i].where(), cat("`grid` gives ", quoted(axis.key), " a value twice: ", texts[i]));
      return {};
    }
    for (const ExperimentVariant& so_far : out) {
      for (size_t i = 0; i < values.size(); ++i) {
        longer.push_back(so_far);
        longer.back().name += cat(so_far.name.empty() ? "" : ", ", name, "=", texts[i]);
        longer.back().set.set(axis.key, values[i], axis.key_where);
      }
    }
    out = std::move(longer);
  }
  return out;
}

/// Returns the name of a model unchanged, and a path relative to the experiment's file.
std::string base_file(const Value& base) {
  const std::filesystem::path path = base.as_string();
  const bool is_path = path.has_parent_path() || path.extension() == ".yaml" || path.extension() == ".yml";
  const auto& file = base.where().file;
  const bool in_file = file && !file->starts_with(kOverridePlace);
  if (!is_path || !in_file || path.is_absolute()) return path.native();
  return (std::filesystem::path(*file).parent_path() / path).lexically_normal().native();
}

}  // namespace

void ExperimentVariant::visit(ParamVisitor& v) {
  v("name", name, "name in the report", required());
  v("set", set, kSetDoc);
}

void ExperimentStage::visit(ParamVisitor& v) {
  v("name", name, "name in the report", required());
  v("set", set,
    "values to set in the config, before those of the variant; must include `train`, except its `output` and "
    "`seed`, which are set for each run, as is the `seed` of `dataset`");
  v("only_if_changed", only_if_changed,
    "parts of the model; the stage runs only for variants in which one of them differs from the base; empty: "
    "for all variants",
    choices("vision_backbone", "resampler", "adapter", "language_decoder", "tokenizer"));
}

void ExperimentTask::visit(ParamVisitor& v) {
  v("name", name, "name in the report", required());
  v("set", set,
    "values to set in the config, before those of the variant: task_head, dataset, metrics, generation");
  v("limit", limit, "number of records to use; 0: all", at_least(0));
  v("batch_size", batch_size, "records answered together", between(1, 4096));
  v("blind", blind, "also answer without the picture, as a control");
}

void ExperimentBench::visit(ParamVisitor& v) {
  v("records", records, "records of the first task that are answered one by one and timed; 0: no timing",
    at_least(0));
  v("warmup", warmup, "records that are answered before, without timing", at_least(0));
  v("new_tokens", new_tokens, "exact number of tokens in each answer, so that all variants do the same work",
    at_least(1));
}

void Experiment::visit(ParamVisitor& v) {
  v("base", base, "model name, or config file relative to this one", required());
  v("set", set, "values to set in the base, for all variants");
  v("variants", variants, "list of {name, set}");
  v("grid", grid, "{dotted.name: [VALUE, …], …}: every combination is another variant");
  v("seeds", seeds,
    "seeds of initial weights and order of training data; every variant runs once with each seed");
  v("stages", stages,
    "stages of training, [{name, set, only_if_changed}, …]; empty: the config's weights are not trained");
  v("weights", weights,
    "what variants start from, unless their stages name files: the config's weights, or random ones",
    choices("config", "random"));
  v("evaluate", evaluate, "tasks to score, [{name, set, limit, batch_size, blind}, …]");
  v("bench", bench, "how answers are timed");
  v("pictures", pictures, "number of records of each task that the report shows with every variant's answer",
    between(0, 100));
  v("prompt_tokens", prompt_tokens, "length of the prompt for which FLOPs are counted, in tokens",
    between(1, 1'000'000));
  v("output", output, "folder for the results; empty: NAME.compare in the current folder", path());
}

Experiment Experiment::parse(const Value& tree, Registry& registry) {
  Experiment experiment;
  ErrorList errors;
  check_sizes(tree, errors);
  errors.throw_if_any();
  read_params(ParamsRef(experiment), tree, "the experiment", {}, errors);
  check_map(experiment.set, "`set`", errors);
  check_map(experiment.grid, "`grid`", errors);
  experiment.all_variants =
      parse_items<ExperimentVariant>(experiment.variants, "variants", "a variant", errors);
  std::set<std::string> names;
  for (const auto& variant : experiment.all_variants) names.insert(variant.name);
  for (auto& variant : combinations(experiment.grid, errors)) {
    if (!names.insert(variant.name).second)
      errors.add(variant.set.where(),
                 cat("`grid` makes a variant ", quoted(variant.name),
                     ", but another variant already has that name; rename the one in `variants`"));
    experiment.all_variants.push_back(std::move(variant));
  }
  experiment.all_stages = parse_items<ExperimentStage>(experiment.stages, "stages", "a stage", errors);
  experiment.all_tasks = parse_items<ExperimentTask>(experiment.evaluate, "evaluate", "a task", errors);
  if (errors.empty() && experiment.all_variants.empty())
    errors.add(tree.where(), "the experiment compares nothing: it has neither `variants` nor a `grid`");
  const size_t count = experiment.all_variants.size(), runs = count * experiment.seeds.size();
  if (count > kMostVariants)
    errors.add(tree.where(), cat("the experiment has ", count, " variants; at most ", kMostVariants));
  if (runs > kMostRuns)
    errors.add(tree.where(), cat("variants times seeds are ", runs, " runs; at most ", kMostRuns));
  if (experiment.seeds.empty()) errors.add(tree.where(), "`seeds` is empty; give at least one");
  if (const Value* seeds = tree.find("seeds"); seeds && seeds->is_list()) {
    std::set<int64_t> seen;
    for (const Value& seed : seeds->as_list())
      if (seed.is_int() && !seen.insert(seed.as_int()).second)
        errors.add(seed.where(), cat("`seeds` has ", seed.as_int(),
                                     " twice; counting the same run twice would make the results look more "
                                     "certain than they are"));
  }
  errors.throw_if_any();

  experiment.base_tree = load_config_tree(base_file(*tree.find("base")), {});
  lay_onto(experiment.base_tree, experiment.set);
  RunConfig::parse(experiment.base_tree, registry);
  return experiment;
}

Experiment Experiment::load(const std::string& name_or_path, const std::vector<std::string>& overrides,
                            Registry& registry) {
  const auto root = configs_root();
  const auto folder = root / "experiments";
  std::error_code ignored;
  const auto file = std::filesystem::is_directory(folder, ignored)
                        ? find_config(name_or_path, folder, "experiment")
                        : std::filesystem::path(name_or_path);
  Value tree = load_config(file, root);
  for (const std::string& assignment : overrides) apply_override(tree, assignment, root);
  Experiment experiment = parse(tree, registry);
  experiment.name = file.stem().native();
  if (experiment.output.empty())
    experiment.output = std::filesystem::absolute(experiment.name + ".compare").native();
  return experiment;
}

void lay_onto(Value& config, const Value& set) {
  if (!set.is_map()) return;
  for (const Value::Member& member : set.as_map())
    merge_at(config, member.key, member.value, member.key_where);
}

}  // namespace flam
