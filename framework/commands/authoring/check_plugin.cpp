#include "framework/commands/authoring/check_plugin.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/commands/authoring/checks.h"
#include "framework/component/objective.h"
#include "framework/config/config.h"
#include "framework/plugin/elf.h"
#include "framework/plugin/rehearsal.h"
#include "framework/recipe/run_config.h"
#include "framework/registry/reason.h"

namespace flam {

namespace {

using Outcome = PluginCheck::Outcome;

Value config_tree(const CheckOptions& options) {
  if (!options.config.empty()) return load_config_tree(options.config, options.overrides);
  Value tree = Value::map();
  for (const std::string& assignment : options.overrides) apply_override(tree, assignment);
  return tree;
}

/// The node of the config with this component's parameters; null if there is none.
const Value* find_node(const Value& config, const std::string& kind, const std::string& name) {
  const auto fits = [&](const Value* node) {
    const Value* type = node && node->is_map() ? node->find("type") : nullptr;
    return node && node->is_map() && (!type || (type->is_string() && type->as_string() == name));
  };
  for (const Value* holder : {&config, config.find("model"), config.find("train")}) {
    if (!holder) continue;
    if (const Value* node = holder->find(kind); fits(node)) return node;
    const Value* list = holder->find(kind + "s");  // transforms, metrics
    if (!list || !list->is_list()) continue;
    for (const Value& node : list->as_list()) {
      if (fits(&node)) return &node;
    }
  }
  return nullptr;
}

PluginCheck check_exports(const std::filesystem::path& library) {
  PluginCheck check{"", "exports", Outcome::ok, cat("only ", kPluginEntry)};
  std::vector<std::string> extra;
  bool entry = false;
  for (const std::string& symbol : exported_symbols(library)) {
    if (symbol == kPluginEntry) {
      entry = true;
    } else {
      extra.push_back(printable(symbol));
    }
  }
  if (!entry)
    throw Error(cat("is not a plugin: it does not export '", kPluginEntry, "', which FLAM_PLUGIN defines"));
  if (!extra.empty()) {
    const size_t count = extra.size();
    if (count > 3) extra.resize(3);
    check.outcome = Outcome::failed;
    check.detail =
        cat("exports ", count, " more than ", kPluginEntry, ": ", join(extra, ", "), count > 3 ? ", …" : "",
            "; build it with flam_add_plugin(), which hides all other symbols");
  }
  return check;
}

PluginCheck check_loads(const std::filesystem::path& library, Registry& registry) {
  try {
    registry.load(library);
    std::vector<std::string> stamp;
    for (const auto& [field, value] : stamp_fields(*open_plugin(library)))
      stamp.push_back(field + " " + value);
    return {"", "loads", Outcome::ok, join(stamp, ", ")};
  } catch (const Error& error) {
    return {"", "loads", Outcome::failed, error.what()};
  }
}

std::string label_of(const Specimen& specimen) {
  return cat(specimen.kind, " ", quoted(specimen.name));
}

/// A library with another file name, among those that are searched anyway, must not have a component of this
/// kind and name. One with the same file name would be shadowed.
PluginCheck check_name(const Specimen& specimen, const std::filesystem::path& library,
                       const Registry& others) {
  for (const auto& listed : others.list(specimen.kind)) {
    if (listed.name != specimen.name || listed.origin.filename() == library.filename()) continue;
    return {label_of(specimen), "name", Outcome::failed,
            cat("the ", specimen.kind, " ", quoted(listed.name), " exists already, in ",
                quoted(listed.origin.string()),
                "; choose another name, because a config can't distinguish two components of the same name")};
  }
  return {label_of(specimen), "name", Outcome::ok, "no other library has a component of this name"};
}

/// Runs a check in a child process. If the process crashes or exits, the check fails. `hangs` is set if the
/// process had to be stopped.
PluginCheck run_apart(const Check& check, const Specimen& specimen, bool& hangs) {
  PluginCheck result{label_of(specimen), check.name, Outcome::ok, ""};
  try {
    const std::string report = rehearse(
        [&] {
          at::set_num_threads(1);  // checks start their own threads
          const Finding finding = check.run(specimen);
          return (finding.skipped ? "s" : "o") + finding.detail.substr(0, 2000);
        },
        {specimen.options.timeout, specimen.options.timeout}, "running");
    result.outcome = report.front() == 's' ? Outcome::skipped : Outcome::ok;
    result.detail = report.substr(1);
  } catch (const Error& error) {
    hangs = dynamic_cast<const TookTooLong*>(&error) != nullptr;
    result.outcome = Outcome::failed;
    result.detail = reason_of(error);
  }
  result.detail = printable(result.detail, 2000);
  return result;
}

/// Invalid parameters in the user's config are not a failure of the component. Error: lists all of them.
void refuse_unusable(Registry& registry, const Value& config, const CheckOptions& options) {
  const Check parsing{"parameters", [](const Specimen& specimen) {
                        ErrorList errors;
                        specimen.registry.parse(specimen.kind, specimen.node(), errors);
                        return Finding{join(errors.messages(), "; ")};
                      }};
  ErrorList wrong;
  for (const auto& listed : registry.list()) {
    if (!find_node(config, listed.kind, listed.name)) continue;
    bool hangs = false;
    const PluginCheck result =
        run_apart(parsing, {registry, listed.kind, listed.name, config, options}, hangs);
    if (result.outcome == Outcome::ok && !result.detail.empty()) wrong.add(result.detail);
    if (hangs) return;  // the checks will report it
  }
  wrong.throw_if_any();
}

}  // namespace

Value Specimen::node() const {
  const Value* given = find_node(config, kind, name);
  Value node = given ? *given : Value::map();
  if (kind == Objective::kKind) node = TrainConfig::without_weight(std::move(node));
  if (!node.find("type")) node.set("type", name);
  return node;
}

ComponentConfig Specimen::parse(const Value& node) const {
  ErrorList errors;
  ComponentConfig parsed = registry.parse(kind, node, errors);
  errors.throw_if_any();
  return parsed;
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

const std::vector<Check>& checks_of(const std::string& kind) {
  static const std::map<std::string, std::vector<Check>> special = {{"media_layout", media_layout_checks()},
                                                                    {"tokenizer", tokenizer_checks()},
                                                                    {"task_head", task_head_checks()},
                                                                    {"dataset", dataset_checks()},
                                                                    {"metric", metric_checks()},
                                                                    {"objective", objective_checks()},
                                                                    {"optimizer", optimizer_checks()}};
  static std::map<std::string, std::vector<Check>> tensors;
  const auto found = special.find(kind);
  return found != special.end() ? found->second
                                : tensors.try_emplace(kind, tensor_checks(kind)).first->second;
}

void at_once(const std::function<void(int64_t)>& act) {
  constexpr int64_t kThreads = 4, kTimes = 5;
  std::mutex mutex;
  std::exception_ptr first;
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      try {
        for (int64_t k = 0; k < kTimes; ++k) act(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!first) first = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (first) std::rethrow_exception(first);
}

void check_plugin(const std::filesystem::path& library, const CheckOptions& options,
                  const std::function<void(const PluginCheck&)>& report) {
  const auto path = std::filesystem::absolute(library);
  const Value config = config_tree(options);
  try {
    report(check_exports(path));
  } catch (const Error& error) {
    throw Error(cat("plugin ", quoted(path.string()), " ", error.what()));
  }
  Registry registry;
  const PluginCheck loads = check_loads(path, registry);
  report(loads);
  if (loads.outcome == Outcome::failed) return;
  refuse_unusable(registry, config, options);
  if (!options.weights.empty()) require_checkpoint(registry, options);
  Registry others;
  others.scan(plugin_search_path({}));
  for (const auto& listed : registry.list()) {
    const Specimen specimen{registry, listed.kind, listed.name, config, options};
    const auto& kinds = component_kinds();
    if (std::find(kinds.begin(), kinds.end(), listed.kind) == kinds.end()) {
      report({label_of(specimen), "checks", Outcome::skipped, "there are no checks for this kind"});
      continue;
    }
    report(check_name(specimen, path, others));
    if (!config.as_map().empty() && !find_node(config, listed.kind, listed.name))
      log_warn(cat("the config has no ", label_of(specimen), "; it runs with its default parameters"));
    bool hangs = false;
    std::string reason;  // why the checks can't be run
    const auto run = [&](const Check& check) {
      if (hangs) reason = "not run: an earlier check did not end";
      const PluginCheck result = reason.empty()
                                     ? run_apart(check, specimen, hangs)
                                     : PluginCheck{label_of(specimen), check.name, Outcome::skipped, reason};
      report(result);
      return result.outcome;
    };
    if (specimen.takes_checkpoint() && run({"weights", check_weights}) == Outcome::failed)
      reason = "not run: the weights don't fit";
    for (const Check& check : checks_of(listed.kind)) run(check);
  }
}

}  // namespace flam
