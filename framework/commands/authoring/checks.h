#pragma once
// The checks of each kind of component. They run in a child process. If a check throws, it has failed, and
// the message is the reason.

#include "framework/commands/authoring/check_plugin.h"
#include "framework/commands/authoring/subject.h"
#include "framework/recipe/run_config.h"
#include "framework/registry/registry.h"

namespace flam {

struct Finding {
  std::string detail;
  bool skipped = false;
};

/// A component of the plugin, and the parameters and options to run it with.
struct Specimen {
  Registry& registry;
  std::string kind, name;
  const Value& config;  // the whole config; an empty map if none was given
  const CheckOptions& options;

  /// "resampler 'perceiver'"
  std::string label() const;
  /// The component's node in the config, as it is written; null if the config has no such component.
  const Value* given() const;
  /// The node as {type: NAME, …}, or {type: NAME} if the config has no such component. A name alone, where
  /// only a map may be, stays as it is.
  Value node() const;
  /// Error: lists everything that is wrong with the parameters.
  ComponentConfig parse(const Value& node) const;
  /// Whether the component gets the weights of options.weights.
  bool takes_checkpoint() const;
  /// Whether the component gets a checkpoint that was made for the sizes of its neighbours, which are then
  /// those of the config's model.
  bool needs_model() const;
  /// The config's whole model; `all` gets its components. The library under test is found first, wherever it
  /// lies. Error: the config is wrong.
  RunConfig whole_config(Registry& all) const;
  /// The sizes that the component is built for.
  Setting setting() const;
  /// Builds the component on the CPU, with the weights of options.weights or initialised ones. Null if the
  /// weights are larger than options.max_bytes; `too_large` then has the reason.
  std::unique_ptr<Subject> subject(Finding& too_large) const;
};

struct Check {
  const char* name;
  Finding (*run)(const Specimen&);
};
const std::vector<Check>& checks_of(const std::string& kind);

/// Error: max|a − b| / max(1, max|b|) is above `tolerance`, or the shapes differ. The message is `what`,
/// followed by "by 0.1 (allowed: …)".
void require_close(const at::Tensor& a, const at::Tensor& b, double tolerance, const std::string& what);

/// Runs the subject without gradients. Error: the result does not have the announced shape, or is not on the
/// input's device.
at::Tensor run_announced(const Subject& subject, const Subject::Tensors& in);

/// Loads the checkpoint, and says what the component gives with it.
Finding check_weights(const Specimen& specimen);
/// Fills the subject from options.weights. Error: lists what doesn't fit, in one line.
void load_checkpoint(Subject& subject, const std::string& kind, const CheckOptions& options);
/// The component that options.weights is for. Error: the library has not exactly one that has weights.
Registry::Listed taker_of_checkpoint(const Registry& registry);
/// Error: options.weights can't be opened, or the config lacks the model that it is made for.
void require_checkpoint(const Specimen& specimen);
/// Runs the component's code to find what the user has to correct: the config's model, or the naming table.
/// The detail is a message, "" if there is nothing.
Finding find_mistake(const Specimen& specimen);
Finding check_memory(const Specimen& specimen);
Finding check_threads(const Specimen& specimen);
Finding check_layer_ranges(const Specimen& specimen);
Finding check_cache(const Specimen& specimen);
Finding check_padding(const Specimen& specimen);
Finding check_mask(const Specimen& specimen);
std::vector<Check> tensor_checks(const std::string& kind);
std::vector<Check> media_layout_checks();
std::vector<Check> tokenizer_checks();
std::vector<Check> task_head_checks();
std::vector<Check> dataset_checks();
std::vector<Check> metric_checks();
std::vector<Check> objective_checks();
std::vector<Check> optimizer_checks();

/// Calls act(0) to act(3) in four threads at once, each several times. Rethrows the first exception.
void at_once(const std::function<void(int64_t)>& act);

}  // namespace flam
