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

/// A library with another file name, among those that are searched anyway, must not have a component of this
/// kind and name. One with the same file name would be shadowed.
PluginCheck check_name(const Specimen& specimen, const std::filesystem::path& library,
                       const Registry& others) {
  for (const auto& listed : others.list(specimen.kind)) {
    if (listed.name != specimen.name || listed.origin.filename() == library.filename()) continue;
    return {specimen.label(), "name", Outcome::failed,
            cat("the ", specimen.kind, " ", quoted(listed.name), " exists already, in ",
                quoted(listed.origin.string()),
                "; choose another name, because a config can't distinguish two components of the same name")};
  }
  return {specimen.label(), "name", Outcome::ok, "no other library has a component of this name"};
}

/// Runs a check in a child process. If the process crashes or exits, the check fails. `hangs` is set if the
/// process had to be stopped.
PluginCheck run_apart(const Check& check, const Specimen& specimen, bool& hangs) {
  PluginCheck result{specimen.label(), check.name, Outcome::ok, ""};
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
    const Specimen specimen{registry, listed.kind, listed.name, config, options};
    if (!specimen.given()) continue;
    bool hangs = false;
    const PluginCheck result = run_apart(parsing, specimen, hangs);
    if (result.outcome == Outcome::ok && !result.detail.empty()) wrong.add(result.detail);
    if (hangs) return;  // the checks will report it
  }
  wrong.throw_if_any();
}

/// A checkpoint that can't be read, or options that no component could run with, are not a failure of the
/// component either.
void refuse_checkpoint(Registry& registry, const Value& config, const CheckOptions& options) {
  const Registry::Listed taker = taker_of_checkpoint(registry);
  const Specimen specimen{registry, taker.kind, taker.name, config, options};
  require_checkpoint(specimen);
  bool hangs = false;
  const PluginCheck result = run_apart({"weights", find_mistake}, specimen, hangs);
  if (result.outcome == Outcome::ok && !result.detail.empty()) throw Error(result.detail);
}

}  // namespace

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
  if (!options.weights.empty()) refuse_checkpoint(registry, config, options);
  Registry others;
  others.scan(plugin_search_path({}));
  for (const auto& listed : registry.list()) {
    const Specimen specimen{registry, listed.kind, listed.name, config, options};
    const auto& kinds = component_kinds();
    if (std::find(kinds.begin(), kinds.end(), listed.kind) == kinds.end()) {
      report({specimen.label(), "checks", Outcome::skipped, "there are no checks for this kind"});
      continue;
    }
    report(check_name(specimen, path, others));
    if (!config.as_map().empty() && !specimen.given())
      log_warn(cat("the config has no ", specimen.label(), "; it runs with its default parameters"));
    bool hangs = false;
    std::string reason;  // why the checks can't be run
    const auto run = [&](const Check& check) {
      if (hangs) reason = "not run: an earlier check did not end";
      const PluginCheck result = reason.empty()
                                     ? run_apart(check, specimen, hangs)
                                     : PluginCheck{specimen.label(), check.name, Outcome::skipped, reason};
      report(result);
      return result.outcome;
    };
    if (specimen.takes_checkpoint() && run({"weights", check_weights}) == Outcome::failed)
      reason = "not run: the check of the weights failed";
    for (const Check& check : checks_of(listed.kind)) run(check);
  }
}

}  // namespace flam
